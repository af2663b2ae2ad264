"""Turns of what takes long: a few at a time, nothing twice, and nobody waits in line for long.

Who waits holds a thread that answers requests. So only so many wait, for a moment; whoever else
comes, or has waited that long, is told to ask again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from matcher.uploads.failures import BusyError

PATIENCE_SECONDS = 5.0
"""Many small files are through by then, and who is told to ask again loses less than that."""
MOST_WAITING = 20
"""At a time: there are 40 threads that answer requests."""


class Turns:
    """Lets ``most`` uploads of this process be verified at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._changed = Condition()
        self._waiting: set[str] = set()
        self._under_way: set[str] = set()

    @contextmanager
    def of(self, upload: str) -> Iterator[None]:
        """Have the turn of an upload; raises `BusyError` where it can't be had in a moment."""
        with self._changed:
            self._await_turn(upload)
            self._under_way.add(upload)
        try:
            yield
        finally:
            with self._changed:
                self._under_way.remove(upload)
                self._changed.notify()

    def _await_turn(self, upload: str) -> None:
        if upload in self._under_way | self._waiting:
            raise BusyError(f"The upload {upload[:8]} is being verified already; ask again.")
        if self._has_place():
            return
        if len(self._waiting) < MOST_WAITING:
            self._waiting.add(upload)
            try:
                if self._changed.wait_for(self._has_place, PATIENCE_SECONDS):
                    return
            finally:
                self._waiting.remove(upload)
        raise BusyError(
            f"{self._most} other uploads are being verified, and then it is the turn of "
            f"{upload[:8]}; ask again."
        )

    def _has_place(self) -> bool:
        return len(self._under_way) < self._most
