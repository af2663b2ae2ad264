"""The tables of a run: links and clusters as Parquet, the model as JSON; and reading them back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from linkage.clustering import cluster_ids
from linkage.errors import InputError
from linkage.linking import Linkage, LinkingRules
from linkage.protocol.agreement import Agreement
from linkage.sources import Sources

RUN_FORMAT = "concord-run/1"


def link_table(sources: Sources, linkage: Linkage) -> bytes:
    """Return links.parquet: a row per pair down to the review probability, the surest first.

    ``agency_a, token_a, agency_b, token_b`` (tokens in hex), ``weight`` in bits,
    ``probability``, and ``levels``: one agreement level per group, null where the group is.
    """
    links = linkage.links
    names = np.array(sources.names, dtype=object)
    tokens = hex_tokens(sources)
    return _parquet(
        {
            "agency_a": names[sources.source[links.left]],
            "token_a": tokens[links.left],
            "agency_b": names[sources.source[links.right]],
            "token_b": tokens[links.right],
            "weight": links.weight,
            "probability": links.probability,
            "levels": _level_lists(links.levels),
        }
    )


def cluster_table(sources: Sources, linkage: Linkage) -> bytes:
    """Return clusters.parquet: a row per record, ``cluster_id, agency, record_token, probability``.

    A record that nothing links is a cluster of its own, with probability 1.
    """
    clusters = linkage.clusters
    ids = np.array(cluster_ids(sources, clusters), dtype=object)
    names = np.array(sources.names, dtype=object)
    return _parquet(
        {
            "cluster_id": ids[clusters.cluster_of],
            "agency": names[sources.source],
            "record_token": hex_tokens(sources),
            "probability": clusters.probability,
        }
    )


def hex_tokens(sources: Sources) -> NDArray[np.object_]:
    """Return every record's token as 32 hex digits."""
    return np.array([token.tobytes().hex() for token in sources.tokens], dtype=object)


def model_json(
    agreement: Agreement, sources: Sources, rules: LinkingRules, linkage: Linkage
) -> bytes:
    """Return model.json: what was linked, with which parameters, and how well as it believes."""
    document = {
        "format": RUN_FORMAT,
        "agreement": {"id": agreement.agreement.id, "version": agreement.agreement.version},
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
        "rescored": linkage.rescored,
        "calibrated": linkage.calibrated,
        "groups": _groups(linkage),
        "estimated": linkage.estimate.as_dict(),
        "estimated_by_pair": [
            {"agencies": list(pair), **quality.as_dict()}
            for pair, quality in linkage.estimates.items()
        ],
    }
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


def _parquet(columns: dict[str, Any]) -> bytes:
    text = {"agency_a", "token_a", "agency_b", "token_b", "cluster_id", "agency", "record_token"}
    arrays = {
        name: pa.array(values, pa.string()) if name in text else pa.array(values)
        for name, values in columns.items()
    }
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(arrays), sink)
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
