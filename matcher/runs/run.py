"""One linkage run on files, from reading the encodings to the finished folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from linkage.linking import Linkage, LinkingRules, link
from linkage.protocol.agreement import Agreement
from linkage.sources import Sources, gather
from matcher.engine import thread_engine
from matcher.runs.inputs import linking_rules, read_agency_file
from matcher.runs.outputs import write_run
from matcher.runs.report import render
from matcher.runs.tables import cluster_table, link_table, model_json


@dataclass(frozen=True)
class Run:
    """A finished run: what went in and what came out."""

    sources: Sources
    rules: LinkingRules
    linkage: Linkage


def link_files(
    paths: list[Path],
    agreement: Agreement,
    out: Path,
    progress: Callable[[int, int], None],
) -> Run:
    """Link the agencies' files and write the run folder ``out``, whole or not at all."""
    files = [read_agency_file(path, agreement) for path in paths]
    names = [file.header.agency for file in files]
    sources = gather(files, {name: agreement.is_clean(name) for name in names})
    rules = linking_rules(agreement)
    with thread_engine(progress) as map_tiles:
        linkage = link(sources, rules, map_tiles)
    run = Run(sources, rules, linkage)
    write_run(out, _contents(agreement, run))
    return run


def _contents(agreement: Agreement, run: Run) -> dict[str, bytes]:
    title = agreement.agreement.title
    return {
        "links.parquet": link_table(run.sources, run.linkage),
        "clusters.parquet": cluster_table(run.sources, run.linkage),
        "model.json": model_json(agreement, run.sources, run.rules, run.linkage),
        "report.html": render(title, run.sources, run.linkage, run.rules).encode(),
    }
