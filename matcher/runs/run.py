"""One linkage run on files, from reading the encodings to the finished folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from linkage.clustering import cluster_ids
from linkage.encodings import Encodings
from linkage.errors import InputError
from linkage.linking import Linkage, LinkingRules, complete_scans, link_scanned
from linkage.outcome import Evidence
from linkage.protocol.agreement import Agreement
from linkage.protocol.scheme import Group, Scheme, group_features
from linkage.scanning import PairScan, Scans, bring_together
from linkage.searching import Completeness
from linkage.sources import Sources, gather
from matcher.engine import thread_engine
from matcher.runs.inputs import linking_rules, read_agency_file
from matcher.runs.outputs import write_run
from matcher.runs.report import render
from matcher.runs.scans import binding_of, read_scan, scan_file, scan_path
from matcher.runs.stored import StoredRun, read_run
from matcher.runs.tables import (
    cluster_table,
    evidence_table,
    hint_table,
    lineage_table,
    link_table,
    model_json,
    search_json,
)
from matcher.runs.tombstones import Tombstones

AgencyPair = tuple[str, str]


@dataclass(frozen=True)
class Run:
    """A finished run: what went in and what came out.

    ``reused`` are the pairs of agencies whose scans an earlier run had made; ``hashed`` those
    too large to compare every pair, and what hashing found of theirs.
    """

    sources: Sources
    rules: LinkingRules
    linkage: Linkage
    reused: list[AgencyPair]
    hashed: dict[AgencyPair, Completeness]


@dataclass(frozen=True)
class _Inputs:
    """The agencies' records, less the erased ones, and what an earlier run made of them."""

    files: dict[str, Encodings]
    sources: Sources
    rules: LinkingRules
    erased: Tombstones

    def binding(self, pair: AgencyPair) -> dict[str, object]:
        return binding_of(self.files[pair[0]], self.files[pair[1]], self.rules, self.erased)

    def pairs(self) -> dict[AgencyPair, tuple[int, int]]:
        names = self.sources.names
        return {(names[a], names[b]): (a, b) for a, b in self.sources.pairs()}


def link_files(
    paths: list[Path],
    agreement: Agreement,
    out: Path,
    progress: Callable[[int, int], None],
    onto: Path | None,
) -> Run:
    """Link the agencies' files and write the run folder ``out``, whole or not at all.

    Of the run ``onto`` the scans that fit are reused, erased records stay erased, and cluster ids
    live on.
    """
    earlier = read_run(onto) if onto else None
    inputs = _read_inputs(paths, agreement, earlier)
    known = _known_scans(inputs, earlier)
    with thread_engine(progress) as map_tiles:
        scans = complete_scans(inputs.sources, inputs.rules, known, map_tiles)
    contents = _scan_files(inputs, scans)
    candidates = bring_together(inputs.sources, inputs.rules.comparisons, scans)
    reused = sorted(known)
    hashed = {names: scan.completeness for names, scan in scans.items() if scan.completeness}
    del scans, known  # as large as the candidates, and no longer needed
    linkage, evidence = link_scanned(inputs.sources, inputs.rules, candidates)
    run = Run(inputs.sources, inputs.rules, linkage, reused, hashed)
    contents |= _contents(agreement, run, evidence, earlier)
    if len(inputs.erased):
        contents["tombstones.parquet"] = inputs.erased.table()
    write_run(out, contents)
    return run


def _read_inputs(paths: list[Path], agreement: Agreement, earlier: StoredRun | None) -> _Inputs:
    erased = earlier.erased if earlier else Tombstones()
    files = [read_agency_file(path, agreement) for path in paths]
    names = [file.header.agency for file in files]
    if earlier and (missing := sorted(set(earlier.sources.names) - set(names))):
        raise InputError(
            f"The run {earlier.folder} holds records of {', '.join(missing)}; "
            "give the file of each earlier agency again, beside the new ones."
        )
    remaining = [file.without(erased.of(file.header.agency)) for file in files]
    sources = gather(remaining, {name: agreement.is_clean(name) for name in names})
    by_name = dict(zip(names, files, strict=True))
    return _Inputs(by_name, sources, linking_rules(agreement), erased)


def _known_scans(inputs: _Inputs, earlier: StoredRun | None) -> dict[AgencyPair, PairScan]:
    """Return the earlier run's scans that were made of just these files under these rules."""
    if earlier is None:
        return {}
    found = {
        names: read_scan(
            earlier.folder / scan_path(names), inputs.sources, pair, inputs.binding(names)
        )
        for names, pair in inputs.pairs().items()
    }
    return {names: scan for names, scan in found.items() if scan is not None}


def _scan_files(inputs: _Inputs, scans: Scans) -> dict[str, bytes]:
    return {
        scan_path(names): scan_file(inputs.sources, pair, scans[names], inputs.binding(names))
        for names, pair in inputs.pairs().items()
    }


def _contents(
    agreement: Agreement, run: Run, evidence: Evidence, earlier: StoredRun | None
) -> dict[str, bytes]:
    sources, linkage = run.sources, run.linkage
    title, outputs = agreement.agreement.title, agreement.outputs
    fields = {group.name: _fields(agreement.scheme, group) for group in agreement.scheme.group}
    search = search_json(run.hashed)
    more: dict[str, object] = {
        "fields": fields,
        "outputs": asdict(outputs),
        "scans_reused": [list(pair) for pair in run.reused],
        "search": search,
        "holds_given_name": list(run.rules.holds_given_name),
    }
    contents = {}
    if linkage.hints is not None:
        contents["hints.parquet"] = hint_table(sources, linkage.hints)
    page = render(title, sources, linkage, run.rules, outputs, fields, search["hashed"])
    ids = cluster_ids(sources, linkage.clusters)
    if earlier:
        lineage = earlier.lineage_of(sources, linkage.clusters.cluster_of)
        ids, contents["lineage.parquet"] = lineage.ids, lineage_table(lineage)
        more["erased"] = len(earlier.erased)
    return contents | {
        "links.parquet": link_table(sources, linkage.links),
        "clusters.parquet": cluster_table(sources, linkage.clusters, ids),
        "evidence.parquet": evidence_table(sources, evidence),
        "model.json": model_json(agreement, sources, run.rules, linkage, more),
        "report.html": page.encode(),
    }


def _fields(scheme: Scheme, group: Group) -> tuple[str, ...]:
    """Return the fields that a group's features are taken from, each once."""
    return tuple(dict.fromkeys(scheme.features[name].field for name in group_features(group)))
