"""The tables of a run: links and clusters as Parquet, the model as JSON; and reading them back."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from linkage.clustering import Clusters
from linkage.errors import InputError
from linkage.estimates import EstimateBasis
from linkage.evaluation import Estimate
from linkage.households import Hints
from linkage.lineage import Lineage
from linkage.linking import Linkage, LinkingRules
from linkage.outcome import Evidence, Links
from linkage.protocol.agreement import Agreement
from linkage.searching import MOST_WORK, Completeness
from linkage.sources import Sources

RUN_FORMAT = "concord-run/1"
_TEXT = {
    "agency_a", "token_a", "agency_b", "token_b", "cluster_id", "agency", "record_token",
    "old_cluster_id", "new_cluster_id", "kind",
}  # fmt: skip


def link_table(sources: Sources, links: Links) -> bytes:
    """Return links.parquet: a row per pair down to the review probability, the surest first.

    ``agency_a, token_a, agency_b, token_b`` (tokens in hex), ``weight`` in bits,
    ``probability``, and ``levels``: one agreement level per group, null where the group is.
    """
    return parquet(_link_columns(sources, links))


def evidence_table(sources: Sources, evidence: Evidence) -> bytes:
    """Return evidence.parquet: all pairs that clusters are drawn from, in the columns of links.

    ``assigned`` tells the winners of the assignment, in the order in which they join clusters,
    whatever their probability, and ``hint`` those of them that look like two people of one
    household; the others stand in a cluster because others join them.
    """
    one, other = (_link_columns(sources, part) for part in (evidence.assigned, evidence.implied))
    flags = np.arange(len(evidence.assigned) + len(evidence.implied)) < len(evidence.assigned)
    hints = np.concatenate([evidence.hints, np.zeros(len(evidence.implied), np.bool_)])
    both = {name: pa.concat_arrays([_array(name, d[name]) for d in (one, other)]) for name in one}
    return parquet({**both, "assigned": flags, "hint": hints})


def hint_table(sources: Sources, hints: Hints) -> bytes:
    """Return hints.parquet: ``agency_a, token_a, agency_b, token_b, levels``.

    Pairs of records in different clusters that look like two people of one household; ``levels``
    as in links.parquet.
    """
    ends = _end_columns(sources, hints.left, hints.right)
    return parquet({**ends, "levels": _level_lists(hints.levels)})


def _link_columns(sources: Sources, links: Links) -> dict[str, Any]:
    return {
        **_end_columns(sources, links.left, links.right),
        "weight": links.weight,
        "probability": links.probability,
        "levels": _level_lists(links.levels),
    }


def _end_columns(
    sources: Sources, left: NDArray[np.int32], right: NDArray[np.int32]
) -> dict[str, Any]:
    names = np.array(sources.names, dtype=object)
    tokens = hex_tokens(sources)
    return {
        "agency_a": names[sources.source[left]],
        "token_a": tokens[left],
        "agency_b": names[sources.source[right]],
        "token_b": tokens[right],
    }


def cluster_table(sources: Sources, clusters: Clusters, ids: list[str]) -> bytes:
    """Return clusters.parquet: a row per record, ``cluster_id, agency, record_token, probability``.

    ``ids`` by number of cluster. A record that nothing links is a cluster of its own, with
    probability 1.
    """
    names = np.array(sources.names, dtype=object)
    return parquet(
        {
            "cluster_id": np.array(ids, dtype=object)[clusters.cluster_of],
            "agency": names[sources.source],
            "record_token": hex_tokens(sources),
            "probability": clusters.probability,
        }
    )


def lineage_table(lineage: Lineage) -> bytes:
    """Return lineage.parquet: ``old_cluster_id, new_cluster_id, records, kind``.

    A row per old and new cluster with records in common, and per cluster that is new or gone,
    whose other id is null; see `linkage.lineage.Descent`.
    """
    rows = lineage.descents
    return parquet(
        {
            "old_cluster_id": [row.old for row in rows],
            "new_cluster_id": [row.new for row in rows],
            "records": np.array([row.records for row in rows], np.int64),
            "kind": [row.kind for row in rows],
        }
    )


def hex_tokens(sources: Sources) -> NDArray[np.object_]:
    """Return every record's token as 32 hex digits."""
    return np.array([token.tobytes().hex() for token in sources.tokens], dtype=object)


def model_json(
    agreement: Agreement,
    sources: Sources,
    rules: LinkingRules,
    linkage: Linkage,
    more: dict[str, Any],
) -> bytes:
    """Return model.json: what was linked, with which parameters, and how well as it believes.

    ``more`` is what else to say of the run.
    """
    document = {
        "format": RUN_FORMAT,
        "agreement": {
            "id": agreement.agreement.id,
            "version": agreement.agreement.version,
            "title": agreement.agreement.title,
        },
        "scheme": {"version": agreement.scheme.version, "sha256": agreement.scheme.digest()},
        "agencies": {
            name: {"records": sources.size(s), "clean": bool(sources.clean[s])}
            for s, name in enumerate(sources.names)
        },
        "thresholds": {"link": rules.link, "review": rules.review},
        "seed": rules.seed,
        "pairs_compared": linkage.histogram.total_pairs,
        "candidates": len(linkage.histogram.pattern_of),
        "iterations": linkage.model.iterations,
        "match_share": linkage.model.match_share,
        "calibrated": linkage.calibrated,
        "groups": _groups(linkage),
        **estimates(linkage.estimate, linkage.estimates),
        "estimate_basis": basis_document(linkage.basis),
        **more,
    }
    return json_bytes(document)


def basis_document(basis: EstimateBasis) -> dict[str, Any]:
    """Return what the estimates rest on as model.json gives it."""
    shown = [
        {"agencies": list(pair), "share": own.share, "log_error": own.error}
        for pair, own in basis.shown.items()
    ]
    return {"decoy_weight": basis.decoy_weight, "shown": shown}


def estimates(whole: Estimate, by_pair: dict[tuple[str, str], Estimate]) -> dict[str, Any]:
    """Return the expected quality as model.json gives it."""
    return {
        "estimated": whole.as_dict(),
        "estimated_by_pair": [
            {"agencies": list(pair), **quality.as_dict()} for pair, quality in by_pair.items()
        ],
    }


def search_json(hashed: dict[tuple[str, str], Completeness]) -> dict[str, Any]:
    """Return what model.json says of the search: its rule, and the pairs of agencies it let off.

    Every pair of records of all other agencies was compared.
    """
    return {
        "most_words_compared": MOST_WORK,
        "hashed": [
            {"agencies": list(names), **asdict(found), "pairs_completeness": found.share}
            for names, found in hashed.items()
        ],
    }


def json_bytes(document: dict[str, Any]) -> bytes:
    """Return a JSON file for people and programs."""
    return json.dumps(document, indent=2).encode() + b"\n"


def _groups(linkage: Linkage) -> list[dict[str, Any]]:
    model = linkage.model
    return [
        {
            "name": comparison.name,
            "length": comparison.length,
            "similarity": comparison.kind,
            "levels": list(comparison.levels),
            # From the level below all thresholds to the highest.
            "m": m.tolist(),
            "u": u.tolist(),
            "weight": np.log2(m / u).tolist(),
        }
        for comparison, m, u in zip(model.comparisons, model.m, model.u, strict=True)
    ]


def _level_lists(levels: NDArray[np.int8]) -> Any:
    flat = pa.array(levels.ravel(), mask=levels.ravel() < 0)
    offsets = np.arange(0, levels.size + 1, levels.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, flat)


def parquet(columns: dict[str, Any]) -> bytes:
    """Return a Parquet file of columns by name."""
    table = pa.table({name: _array(name, values) for name, values in columns.items()})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue())


def read_parquet(path: Path, columns: list[str]) -> pd.DataFrame:
    """Read columns of a Parquet file; raises `InputError` if it hasn't got them all."""
    try:
        frame: pd.DataFrame = pq.read_table(path, columns=columns).to_pandas()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist.") from None
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path} is not a Parquet file with the columns {', '.join(columns)}."
        ) from error
    missing = set(columns) - set(frame.columns)
    if missing:
        raise InputError(f"{path} lacks the columns {', '.join(sorted(missing))}.")
    return frame


def _array(name: str, values: Any) -> Any:
    return pa.array(values, pa.string()) if name in _TEXT else pa.array(values)
