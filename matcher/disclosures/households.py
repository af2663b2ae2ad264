"""Household hints of a run: which clusters seem to share surname and address with which."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from linkage.errors import VerificationError
from matcher.disclosures.clusters import Record, RunClusters

_ENDS = ("a", "b")


def households(
    content: bytes | None, clusters: RunClusters, wanted: Iterable[int]
) -> Mapping[int, frozenset[int]]:
    """Return for each wanted cluster the others that a hint joins to it.

    ``content`` is hints.parquet, None where the run's groups can't show any. Raises
    `VerificationError` where it is damaged.
    """
    records = {
        (agency, token.hex()): cluster
        for cluster in wanted
        for agency, tokens in clusters.held(cluster).items()
        for token in tokens
    }
    pairs = _pairs(content, clusters.run, {token for _, token in records}) if content else []
    known = records | clusters.locate({end for pair in pairs for end in pair} - set(records))
    found: defaultdict[int, set[int]] = defaultdict(set)
    for one, other in pairs:
        for near, far in ((one, other), (other, one)):
            if near in records and known.get(far, records[near]) != records[near]:
                found[records[near]].add(known[far])
    return {cluster: frozenset(others) for cluster, others in found.items()}


def _pairs(content: bytes, run: str, tokens: set[str]) -> list[tuple[Record, Record]]:
    """Return the pairs of which one end has one of these tokens."""
    try:
        table = pq.read_table(io.BytesIO(content))
        wanted = pa.array(sorted(tokens), pa.string())
        near = [pc.is_in(table[f"token_{end}"].cast(pa.string()), wanted) for end in _ENDS]
        rows = table.filter(pc.or_(*near))
        ends = [
            zip(rows[f"agency_{end}"].to_pylist(), rows[f"token_{end}"].to_pylist(), strict=True)
            for end in _ENDS
        ]
    except (pa.ArrowException, KeyError, TypeError, ValueError):
        raise VerificationError(
            f"The household hints of the run {run} are damaged in the store; restore a backup."
        ) from None
    return list(zip(*ends, strict=True))
