"""Erasing what the agreements let nobody keep any longer, so that the log proves it."""
