"""A process whose children carry out a run and die at a step.

``python -m tests.matcher.runs.killer URL FOLDER``

It reads lines ``STEP SECONDS`` and forks a child for each, that works as one does whose clock has
gone on for so many seconds, and kills itself when it comes to the step, counted from 0. The answer
is a line: ``killed WHERE`` or ``done``. Nothing here has threads, so that forking does no harm.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event

from linkage import tiling
from linkage.linking import LinkingRules, link
from matcher.engine.journal import TileJournal
from matcher.objects.folder import Folder
from matcher.runs import linking
from matcher.worker import attempt, working
from matcher.worker.bench import Bench
from tests.databases import open_database
from tests.matcher.runs.matchers import Clock, Matcher, never
from tests.synthetic import COMPARISONS, make_world

TILES, STEP = "tiles", "step"
"""The files in which children say which tiles they have kept, and where one has died."""
TILE_ROWS = 8


class Killer:
    """Counts steps of the run's own threads, and kills the process at one of them."""

    def __init__(self, folder: Path, at: int) -> None:
        self._folder = folder
        self._left = at
        self.lock = threading.Lock()

    def step(self, where: str) -> None:
        if threading.current_thread().name == "pulse":
            return
        with self.lock:
            if self._left == 0:
                (self._folder / STEP).write_text(where, encoding="utf-8")
                os.kill(os.getpid(), signal.SIGKILL)
            self._left -= 1

    def around(self, owner: Any, name: str, where: str) -> None:
        """Make steps of what comes before and after a function."""
        whole = getattr(owner, name)

        def stepped(*arguments: Any, **more: Any) -> Any:
            self.step(f"before {where}")
            answer = whole(*arguments, **more)
            self.step(f"after {where}")
            return answer

        setattr(owner, name, stepped)


def note_tiles(folder: Path, killer: Killer) -> None:
    """Write down each tile that enters the journal; none enters it without being written down."""
    whole = TileJournal.keep

    def keep(self: TileJournal, tile: int, outcome: bytes) -> None:
        with killer.lock, (folder / TILES).open("a", encoding="utf-8") as notes:
            whole(self, tile, outcome)
            notes.write(f"{tile}\n")
            notes.flush()

    TileJournal.keep = keep


def carry_out(url: str, folder: Path, at: int, seconds: int) -> None:
    killer, database = Killer(folder, at), open_database(url)
    clock = Clock()
    clock.wait(seconds)
    note_tiles(folder, killer)
    killer.around(TileJournal, "keep", "a tile is kept")
    killer.around(Bench, "keep", "a scan is kept")
    killer.around(Folder, "put", "an object is stored")
    killer.around(Folder, "delete", "an object is deleted")
    killer.around(working, "remove_folder", "the work folder is removed")
    killer.around(attempt, "link_inputs", "linking")
    killer.around(attempt, "gather_inputs", "the uploads are laid together")
    event.listen(database._engine, "commit", lambda _: killer.step("before a commit"))
    # One thread, so that tiles end in one order and each step is met exactly once.
    worker = Matcher(database, folder, clock).worker(str(os.getpid()), threads=1)
    worker.sweep()
    while worker.run_next(never):
        killer.step("between runs")


def forked(work: Callable[[], None]) -> bool:
    """Do it in a child; return whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    return os.WIFSIGNALED(status)


def prepare() -> None:
    """Load what every child needs: the compiled kernels, and no report."""
    linking.render = lambda *_: "<html>"
    # Both agencies are clean, so tiles needn't be whole blocks of the kernel.
    tiling.MOST_TILE_ROWS = tiling.BLOCK = TILE_ROWS
    sources = make_world(1, people=40, agencies=2).sources()
    link(sources, LinkingRules(COMPARISONS, 0.5, 0.1, 5, 1), map)


def main() -> None:
    url, folder = sys.argv[1], Path(sys.argv[2])
    prepare()
    open_database(url)  # loads what its kind of database needs
    print("ready", flush=True)
    for line in sys.stdin:
        at, seconds = map(int, line.split())
        killed = forked(lambda at=at, seconds=seconds: carry_out(url, folder, at, seconds))
        print(f"killed {(folder / STEP).read_text()}" if killed else "done", flush=True)


if __name__ == "__main__":
    main()
