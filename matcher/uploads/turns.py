"""Turns of what takes long: a few at a time, nothing twice, and nobody waits in line.

Who would wait would hold a thread that answers requests, and its caller may be long gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from matcher.uploads.failures import BusyError


class Turns:
    """Lets ``most`` uploads of this process be verified at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._under_way: set[str] = set()

    @contextmanager
    def of(self, upload: str) -> Iterator[None]:
        """Have the turn of an upload; raises `BusyError` where it can't be had now."""
        with self._lock:
            if upload in self._under_way:
                raise BusyError(f"The upload {upload[:8]} is being verified already; ask again.")
            if len(self._under_way) >= self._most:
                raise BusyError(
                    f"{self._most} other uploads are being verified, and then it is the turn of "
                    f"{upload[:8]}; ask again."
                )
            self._under_way.add(upload)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.remove(upload)
