"""How far a file is, for a person at a terminal; elsewhere nothing is shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from agency_client.uploads.pushing import Watcher

Say = Callable[[str], None]


class Shown:
    """One line that shows what is done and how far it is."""

    def __init__(self, progress: Progress, size: int, say: Say) -> None:
        self._progress = progress
        self._size = size
        self._say = say

    def step(self, words: str) -> Callable[[int], None]:
        """Begin another step; returns what is told how many more bytes are done."""
        task = self._progress.add_task(words, total=self._size)

        def more(count: int) -> None:
            self._progress.advance(task, count)

        return more

    def watcher(self) -> Watcher:
        """Return who watches the file being sent."""
        return Watcher(self.step("sending"), self._broke, time.sleep)

    def _broke(self, reason: str, seconds: float) -> None:
        self._say(f"{reason} Going on in {seconds:.0f} seconds.")


@contextmanager
def shown(size: int, say: Say) -> Iterator[Shown]:
    """Show progress on standard error as long as the context lasts, if that is a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        yield Shown(progress, size, say)
