"""Colours, type and width of every chart."""

from __future__ import annotations

WIDTH = 460  # narrow, so that the text stays legible when a phone shrinks it
FONT = "Arial, Helvetica, sans-serif"
FONT_SIZE = 13
INK, PALE_INK = "#1b2733", "#5a6672"
BLUE, SKY, ORANGE, GREY, WHITE = "#0b5394", "#6fb1e0", "#c8570a", "#e6eaee", "#ffffff"
