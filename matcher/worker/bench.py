"""The means of a run in the service: threads, a journal of tiles, and a folder that keeps scans."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from linkage.tiles import MapTiles
from matcher.engine import journalled, thread_engine
from matcher.jobs.leases import Progress
from matcher.runs.linking import Stage
from matcher.worker.folders import write_durably
from matcher.worker.pulse import Pulse


@dataclass(frozen=True)
class Bench:
    """Carries out scans in a ``folder``, on a number of ``threads`` (0: one per core)."""

    folder: Path
    threads: int
    pulse: Pulse

    def tell(self, stage: Stage) -> None:
        """Note how far the run has come; raises what ends it."""
        self.pulse.note(Progress(stage.name, stage.done, stage.total))

    @contextmanager
    def comparing(self, title: str, path: str, binding: Mapping[str, object]) -> Iterator[MapTiles]:
        """Map the tiles of a scan that are in no journal yet."""

        def told(done: int, total: int) -> None:
            self.tell(Stage(title, done, total))

        journals = self._journals(path)
        journals.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (
            thread_engine(lambda *_: None, self.threads) as engine,
            journalled(engine, journals, binding, told) as map_tiles,
        ):
            yield map_tiles

    def kept(self, path: str) -> Path | None:
        """Return the file of a scan that an attempt before has finished."""
        return self.folder / path if (self.folder / path).exists() else None

    def keep(self, path: str, content: bytes) -> None:
        """Keep the file of a finished scan, and forget its tiles."""
        write_durably(self.folder / path, content)
        shutil.rmtree(self._journals(path), ignore_errors=True)

    def _journals(self, path: str) -> Path:
        return self.folder / "tiles" / Path(path).stem
