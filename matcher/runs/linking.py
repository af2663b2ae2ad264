"""The work of a run, from the agencies' records to the contents of its folder.

The command that links files and the service that links uploads both end up here. They differ in
where records come from, how tiles are mapped, who is told how far it has come, and whether a scan
is kept for a next attempt: these are the `Means` of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from linkage.clustering import cluster_ids
from linkage.encodings import Encodings
from linkage.errors import InputError
from linkage.linking import Linkage, LinkingRules, link_scanned
from linkage.outcome import Evidence
from linkage.protocol.agreement import Agreement
from linkage.protocol.scheme import Group, Scheme, group_features
from linkage.scanning import PairScan, bring_together, scan_pairs
from linkage.searching import Completeness
from linkage.sources import Sources, gather
from linkage.tiles import MapTiles
from matcher.runs.completeness import completeness
from matcher.runs.inputs import linking_rules
from matcher.runs.report.page import render
from matcher.runs.scans import binding_of, read_scan, scan_file, scan_path
from matcher.runs.stored import StoredRun
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
from matcher.runs.weights import weight_table

AgencyPair = tuple[str, str]
Contents = dict[str, bytes]
"""The files of a run folder by their path in it."""


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
class Stage:
    """How far a run has come: the stage in words, and its steps done of all."""

    name: str
    done: int = 0
    total: int = 0


class Means(Protocol):
    """What a run is carried out with."""

    def tell(self, stage: Stage) -> None:
        """Hear how far the run has come; may raise to stop it."""

    def comparing(
        self, title: str, path: str, binding: Mapping[str, object]
    ) -> AbstractContextManager[MapTiles]:
        """Map the tiles of one scan, whose file will be ``path``, and tell a stage ``title``.

        ``binding`` is all that the scan depends on.
        """

    def kept(self, path: str) -> Path | None:
        """Return the file of a scan that an earlier attempt at the same run has kept."""

    def keep(self, path: str, content: bytes) -> None:
        """Keep the file of a scan for a next attempt, should this one be cut short."""


@dataclass(frozen=True)
class Inputs:
    """The agencies' records, less the erased ones, and what an earlier run made of them."""

    files: dict[str, Encodings]
    sources: Sources
    rules: LinkingRules
    erased: Tombstones

    def binding(self, pair: AgencyPair) -> dict[str, object]:
        """Return all that the scan of two agencies depends on."""
        return binding_of(self.files[pair[0]], self.files[pair[1]], self.rules, self.erased)

    def pairs(self) -> dict[AgencyPair, tuple[int, int]]:
        """Return every pair of agencies, by name and by number."""
        names = self.sources.names
        return {(names[a], names[b]): (a, b) for a, b in self.sources.pairs()}

    def read_scan(self, path: Path, names: AgencyPair) -> PairScan | None:
        """Return a stored scan if it was made of just these files under these rules."""
        return read_scan(path, self.sources, self.pairs()[names], self.binding(names))

    def scan_file(self, names: AgencyPair, scan: PairScan) -> bytes:
        """Return a scan as a file."""
        return scan_file(self.sources, self.pairs()[names], scan, self.binding(names))


@dataclass(frozen=True)
class _Scan:
    """The scan of two agencies, and its file: as it is stored already, or as it shall be."""

    scan: PairScan
    content: bytes


def gather_inputs(
    files: list[Encodings], agreement: Agreement, earlier: StoredRun | None
) -> Inputs:
    """Lay the agencies' files together, without the records that the earlier run knows as erased.

    Raises `InputError` where the earlier run holds records of an agency that is not among them.
    """
    erased = earlier.erased if earlier else Tombstones()
    names = [file.header.agency for file in files]
    if earlier and (missing := sorted(set(earlier.sources.names) - set(names))):
        raise InputError(
            f"The run {earlier.folder} holds records of {', '.join(missing)}; "
            "give the file of each earlier agency again, beside the new ones."
        )
    remaining = [file.without(erased.of(file.header.agency)) for file in files]
    sources = gather(remaining, {name: agreement.is_clean(name) for name in names})
    by_name = dict(zip(names, files, strict=True))
    return Inputs(by_name, sources, linking_rules(agreement), erased)


def link_inputs(
    inputs: Inputs, agreement: Agreement, earlier: StoredRun | None, means: Means
) -> tuple[Run, Contents]:
    """Compare and link; return the run and the contents of its folder.

    Of the run ``earlier`` the scans that fit are reused, and cluster ids live on.
    """
    known = _known_scans(inputs, earlier)
    reused = sorted(known)
    found = _complete_scans(inputs, known, means)
    contents = {scan_path(names): one.content for names, one in found.items()}
    scans = {names: one.scan for names, one in found.items()}
    del found, known
    means.tell(Stage("linking"))
    candidates = bring_together(inputs.sources, inputs.rules.comparisons, scans)
    hashed = {names: scan.completeness for names, scan in scans.items() if scan.completeness}
    del scans  # as large as the candidates, and no longer needed
    linkage, evidence = link_scanned(inputs.sources, inputs.rules, candidates)
    run = Run(inputs.sources, inputs.rules, linkage, reused, hashed)
    means.tell(Stage("writing"))
    contents |= _contents(agreement, run, evidence, earlier)
    if len(inputs.erased):
        contents["tombstones.parquet"] = inputs.erased.table()
    return run, contents


def _known_scans(inputs: Inputs, earlier: StoredRun | None) -> dict[AgencyPair, _Scan]:
    """Return the earlier run's scans that were made of just these files under these rules."""
    if earlier is None:
        return {}
    found = {
        names: _stored_scan(inputs, earlier.folder / scan_path(names), names)
        for names in inputs.pairs()
    }
    return {names: scan for names, scan in found.items() if scan is not None}


def _complete_scans(
    inputs: Inputs, known: dict[AgencyPair, _Scan], means: Means
) -> dict[AgencyPair, _Scan]:
    """Return the scans of all pairs of agencies, those ``known`` and the others.

    One pair after the other: what a scan finds doesn't depend on any other scan.
    """
    scans = dict(known)
    missing = [names for names in inputs.pairs() if names not in known]
    for position, names in enumerate(missing, start=1):
        title = f"comparing pair {position} of {len(missing)}"
        path = means.kept(scan_path(names))
        kept = None if path is None else _stored_scan(inputs, path, names)
        scans[names] = _new_scan(inputs, names, title, means) if kept is None else kept
        if kept is None:
            means.keep(scan_path(names), scans[names].content)
    return scans


def _stored_scan(inputs: Inputs, path: Path, names: AgencyPair) -> _Scan | None:
    found = inputs.read_scan(path, names)
    return None if found is None else _Scan(found, path.read_bytes())


def _new_scan(inputs: Inputs, names: AgencyPair, title: str, means: Means) -> _Scan:
    rules, pair = inputs.rules, inputs.pairs()[names]
    means.tell(Stage(title))
    with means.comparing(title, scan_path(names), inputs.binding(names)) as map_tiles:
        made = scan_pairs(
            inputs.sources,
            [pair],
            rules.comparisons,
            rules.candidates_per_record,
            rules.seed,
            map_tiles,
        )
    return _Scan(made[names], inputs.scan_file(names, made[names]))


def _contents(
    agreement: Agreement, run: Run, evidence: Evidence, earlier: StoredRun | None
) -> Contents:
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
        **completeness(sources, linkage, run.rules.link),
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
        "weights.parquet": weight_table(linkage),
    }


def _fields(scheme: Scheme, group: Group) -> tuple[str, ...]:
    """Return the fields that a group's features are taken from, each once."""
    return tuple(dict.fromkeys(scheme.features[name].field for name in group_features(group)))
