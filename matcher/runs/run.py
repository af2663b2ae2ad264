"""One linkage run on files, from reading the encodings to the finished folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from linkage.protocol.agreement import Agreement
from linkage.tiles import MapTiles
from matcher.engine import thread_engine
from matcher.runs.inputs import read_agency_file
from matcher.runs.linking import Run, Stage, gather_inputs, link_inputs
from matcher.runs.outputs import write_run
from matcher.runs.stored import read_run

__all__ = ["Run", "Stage", "link_files"]


@dataclass(frozen=True)
class _OnThisMachine:
    """The means of a run on files: threads, and nothing kept; it is quicker to begin again."""

    progress: Callable[[Stage], None]

    def tell(self, stage: Stage) -> None:
        self.progress(stage)

    @contextmanager
    def comparing(
        self,
        title: str,
        path: str,  # noqa: ARG002 - of Means
        binding: Mapping[str, object],  # noqa: ARG002 - of Means
    ) -> Iterator[MapTiles]:
        with thread_engine(lambda *steps: self.tell(Stage(title, *steps))) as map_tiles:
            yield map_tiles

    def kept(self, path: str) -> Path | None:  # noqa: ARG002 - of Means
        return None

    def keep(self, path: str, content: bytes) -> None:
        pass


def link_files(
    paths: list[Path],
    agreement: Agreement,
    out: Path,
    progress: Callable[[Stage], None],
    onto: Path | None,
) -> Run:
    """Link the agencies' files and write the run folder ``out``, whole or not at all.

    Of the run ``onto`` the scans that fit are reused, erased records stay erased, and cluster ids
    live on.
    """
    earlier = read_run(onto) if onto else None
    progress(Stage("reading"))
    files = [read_agency_file(path, agreement) for path in paths]
    inputs = gather_inputs(files, agreement, earlier)
    run, contents = link_inputs(inputs, agreement, earlier, _OnThisMachine(progress))
    write_run(out, contents)
    return run
