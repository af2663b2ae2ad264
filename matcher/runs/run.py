"""One linkage run on files, from reading the encodings to the finished folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from linkage.linking import Linkage, LinkingRules, link
from linkage.protocol.agreement import Agreement
from linkage.protocol.scheme import Group, Scheme, group_features
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
    return {
        "links.parquet": link_table(run.sources, run.linkage),
        "clusters.parquet": cluster_table(run.sources, run.linkage),
        "model.json": model_json(agreement, run.sources, run.rules, run.linkage),
        "report.html": _report(agreement, run).encode(),
    }


def _fields(scheme: Scheme, group: Group) -> tuple[str, ...]:
    """Return the fields that a group's features are taken from, each once."""
    return tuple(dict.fromkeys(scheme.features[name].field for name in group_features(group)))


def _report(agreement: Agreement, run: Run) -> str:
    title = agreement.agreement.title
    fields = {group.name: _fields(agreement.scheme, group) for group in agreement.scheme.group}
    return render(title, run.sources, run.linkage, run.rules, agreement.outputs, fields)
