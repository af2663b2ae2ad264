"""Erasing records from a finished run, without the agencies' files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linkage.erasure import erase
from linkage.errors import InputError
from linkage.households import Hints, remaining_hints, with_parted
from linkage.outcome import Evidence, Outcome, Thresholds
from linkage.protocol.sections.matching import Outputs
from linkage.sources import Sources
from matcher.runs.completeness import KEYS as COUNTED
from matcher.runs.outputs import write_run
from matcher.runs.rebuilt import fitted_model, rebuilt_linkage, rebuilt_rules
from matcher.runs.report.page import render
from matcher.runs.scans import FOLDER, erase_from_scan
from matcher.runs.stored import StoredRun, read_basis, read_evidence, read_hints, read_run
from matcher.runs.tables import (
    cluster_table,
    estimates,
    evidence_table,
    hint_table,
    json_bytes,
    lineage_table,
    link_table,
)
from matcher.runs.tombstones import Tombstones, read_tokens, token_bytes


@dataclass(frozen=True)
class Erasure:
    """How many ``records`` were erased now, and how many clusters they changed."""

    records: int
    clusters: int


def erase_records(folder: Path, tokens: Path, out: Path) -> Erasure:
    """Write the run in ``folder`` without the records of the CSV ``tokens`` to ``out``.

    ``out`` is there whole or not at all; it may be ``folder`` itself, else the earlier run still
    holds the records. Tokens that were erased before are passed over.
    """
    run = read_run(folder)
    asked = read_tokens(tokens)
    going = _records_of(run, asked, tokens)
    erased = run.erased | asked
    thresholds = Thresholds(run.model["thresholds"]["link"], run.model["thresholds"]["review"])
    basis = read_basis(run)
    evidence = read_evidence(run)
    remaining, outcome = erase(run.sources, run.cluster_of, evidence, going, thresholds, basis)
    scans = {
        f"{FOLDER}/{path.name}": erase_from_scan(path, erased)
        for path in sorted((folder / FOLDER).glob("*.parquet"))
    }
    hints = remaining_hints(_hints(run, evidence, going, outcome), going)
    write_run(out, scans | _contents(run, remaining, outcome, hints, erased))
    return Erasure(int(going.sum()), len(np.unique(run.cluster_of[going])))


def _hints(
    run: StoredRun, evidence: Evidence, going: NDArray[np.bool_], outcome: Outcome
) -> Hints | None:
    """Return the run's hints and those that show now, since a cluster has fallen apart."""
    hints = read_hints(run)
    if hints is None:
        return None
    after = np.full(len(going), -1, np.int64)
    after[~going] = outcome.clusters.cluster_of
    model, given = fitted_model(run.model), tuple(run.model.get("holds_given_name", ()))
    for links in (evidence.assigned, evidence.implied):
        pairs = Hints(links.left, links.right, links.levels)
        hints = with_parted(hints, pairs, run.cluster_of, after, model, given)
    return hints


def _records_of(run: StoredRun, asked: Tombstones, path: Path) -> NDArray[np.bool_]:
    """Return which records of the run to erase; a token that it never held is refused."""
    going = np.zeros(len(run.sources), np.bool_)
    for agency, tokens in asked.tokens.items():
        if agency not in run.sources.names:
            raise InputError(
                f"{path} names the agency {agency!r}, which {run.folder} doesn't hold."
            )
        new = sorted(tokens - run.erased.tokens.get(agency, frozenset()))
        at = run.sources.find(run.sources.names.index(agency), token_bytes(new))
        if (at < 0).any():
            raise InputError(
                f"{path} lists {int((at < 0).sum())} tokens of {agency!r} that {run.folder} "
                f"doesn't hold, the first {new[int(np.argmax(at < 0))][:8]}…; "
                "give the tokens of the encodings that were linked."
            )
        going[at] = True
    return going


def _contents(
    run: StoredRun, remaining: Sources, outcome: Outcome, hints: Hints | None, erased: Tombstones
) -> dict[str, bytes]:
    lineage = run.lineage_of(remaining, outcome.clusters.cluster_of)
    agencies = {
        name: {**run.model["agencies"][name], "records": remaining.size(number)}
        for number, name in enumerate(remaining.names)
    }
    kept = {name: value for name, value in run.model.items() if name not in COUNTED}
    document = {
        **kept,
        "agencies": agencies,
        **estimates(outcome.estimate, outcome.estimates),
        "erased": len(erased),
    }
    found = outcome.estimate, outcome.estimates
    linkage = rebuilt_linkage(
        run.model, outcome.links, outcome.clusters, found, read_basis(run), hints
    )
    rules = rebuilt_rules(run.model)
    title, fields = run.model["agreement"]["title"], run.model["fields"]
    outputs = Outputs(**run.model["outputs"])
    hashed = run.model.get("search", {}).get("hashed", ())
    page = render(title, remaining, linkage, rules, outputs, fields, hashed)
    shown = {} if hints is None else {"hints.parquet": hint_table(remaining, hints)}
    return shown | {
        "links.parquet": link_table(remaining, outcome.links),
        "clusters.parquet": cluster_table(remaining, outcome.clusters, lineage.ids),
        "evidence.parquet": evidence_table(remaining, outcome.evidence),
        "lineage.parquet": lineage_table(lineage),
        "tombstones.parquet": erased.table(),
        "model.json": json_bytes(document),
        "report.html": page.encode(),
    }
