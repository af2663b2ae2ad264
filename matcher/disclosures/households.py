"""Household hints between clusters: people who seem to share surname and address, as siblings."""

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
    content: bytes | None, clusters: RunClusters, among: Iterable[int]
) -> Mapping[int, frozenset[int]]:
    """Return which of some clusters a hint joins to which others of them.

    Hints to any other cluster are left out: whoever reads the evidence would learn that somebody
    is known, and by how many, whom nobody has asked about. ``content`` is hints.parquet, None where
    the run's groups can't show any. Raises `VerificationError` where it is damaged.
    """
    cluster_of = {
        (agency, token.hex()): cluster
        for cluster in among
        for agency, tokens in clusters.held(cluster).items()
        for token in tokens
    }
    found: defaultdict[int, set[int]] = defaultdict(set)
    for one, other in _pairs(content, clusters.run, cluster_of) if content else ():
        near, far = cluster_of.get(one), cluster_of.get(other)
        if near is not None and far is not None and near != far:
            found[near].add(far)
            found[far].add(near)
    return {cluster: frozenset(others) for cluster, others in found.items()}


def _pairs(content: bytes, run: str, records: Iterable[Record]) -> list[tuple[Record, Record]]:
    """Return the pairs both of whose ends have a token of these records."""
    try:
        table = pq.read_table(io.BytesIO(content))
        wanted = pa.array(sorted({token for _, token in records}), pa.string())
        one, other = (pc.is_in(table[f"token_{end}"].cast(pa.string()), wanted) for end in _ENDS)
        rows = table.filter(pc.and_(one, other))
        ends = [
            zip(rows[f"agency_{end}"].to_pylist(), rows[f"token_{end}"].to_pylist(), strict=True)
            for end in _ENDS
        ]
    except (pa.ArrowException, KeyError, TypeError, ValueError):
        raise VerificationError(
            f"The household hints of the run {run} are damaged in the store; restore a backup."
        ) from None
    return list(zip(*ends, strict=True))
