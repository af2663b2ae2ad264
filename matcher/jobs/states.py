"""The states of a run: it is queued, then running, and ends in one of three ways."""

from __future__ import annotations

from typing import Literal, get_args

State = Literal["queued", "running", "finished", "failed", "cancelled"]
RUN_STATES: tuple[State, ...] = get_args(State)
UNENDED: tuple[State, ...] = ("queued", "running")
ENDED: tuple[State, ...] = ("finished", "failed", "cancelled")
