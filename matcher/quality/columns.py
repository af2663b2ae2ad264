"""The links of a finished run in columns, each with a name that tells nothing and joins nothing.

A link's name is HMAC-SHA256 over its two records under the key of the run's pseudonyms, cut to 16
bytes: nobody without that key can tell it from chance, nor join the links of two runs.
"""

from __future__ import annotations

import hmac
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from linkage.errors import VerificationError
from linkage.outcome import Links
from linkage.sources import Sources, records_alone
from matcher.disclosures.clusters import RunClusters
from matcher.quality.kept import CODE_BYTES
from matcher.runs.report.steps import Corrections
from matcher.runs.stored import level_array
from matcher.runs.tombstones import token_bytes

_PREFIX = b"concord/1/link\n"
_NAME = f"S{CODE_BYTES}"
_CORRECTIONS = ("overlap", "rarity", "commonness", "others")


@dataclass(frozen=True)
class Weighed:
    """What the run has kept of its links' weights; ``own`` float64 (links,) as `Links`.

    ``own`` is the probability of a link on its own evidence.
    """

    corrections: Corrections[NDArray[np.float64]]
    own: NDArray[np.float64]


@dataclass(frozen=True)
class RunLinks:
    """The records of a run and the links between them, down to review, the surest first.

    ``sources`` are the records without encodings; ``cluster_of`` int64 (records,) their clusters
    by number in ``clusters``. ``names`` S16 (links,). ``weighed`` is None for a run of a release
    that kept no such thing.
    """

    clusters: RunClusters
    sources: Sources
    cluster_of: NDArray[np.int64]
    links: Links
    names: NDArray[np.bytes_]
    weighed: Weighed | None

    def name(self, link: int) -> str:
        """Return the name of a link, 32 hex digits."""
        return bytes(self.names[link : link + 1].tobytes()).hex()

    @cached_property
    def ends(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The clusters of the two records of each link, int64 (links,) each."""
        return self.cluster_of[self.links.left], self.cluster_of[self.links.right]

    @cached_property
    def agencies(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The agencies of the two records of each link, int32 (links,) each."""
        return self.sources.source[self.links.left], self.sources.source[self.links.right]


def read_links(
    model: Mapping[str, Any],
    clusters: RunClusters,
    content: bytes,
    weights: bytes | None,
    key: bytes,
) -> RunLinks:
    """Read links.parquet, and weights.parquet if there is one; ``model`` is model.json.

    ``key`` is that of the run's pseudonyms. Raises `VerificationError` where they are damaged.
    """
    try:
        sources, cluster_of = _records(model, clusters)
        table = pq.read_table(io.BytesIO(content))
        (left, one), (right, other) = (_side(sources, table, side) for side in ("a", "b"))
        links = Links(
            left,
            right,
            np.asarray(table["weight"].to_numpy(), np.float64),
            np.asarray(table["probability"].to_numpy(), np.float64),
            level_array(table["levels"], table.num_rows),
        )
        weighed = None if weights is None else _weighed(weights, len(links))
    except (pa.ArrowException, KeyError, TypeError, ValueError):
        raise VerificationError(
            f"The links of the run {clusters.run} are damaged in the store; restore a backup."
        ) from None
    names = _names(one, other, key)
    return RunLinks(clusters, sources, cluster_of, links, names, weighed)


def _records(model: Mapping[str, Any], clusters: RunClusters) -> tuple[Sources, NDArray[np.int64]]:
    """Return the records by agency and token, and the cluster of each."""
    names = tuple(sorted(model["agencies"]))
    clean = np.array([bool(model["agencies"][name]["clean"]) for name in names])
    number = np.array([names.index(name) for name in clusters.agencies], np.int32)
    source = number[clusters.agency]
    tokens = np.ascontiguousarray(clusters.token).view("V16").ravel()
    order = np.lexsort((np.argsort(np.argsort(tokens)), source))
    return (
        records_alone(names, clean, source[order], clusters.token[order]),
        clusters.cluster[order],
    )


def _side(sources: Sources, table: Any, side: str) -> tuple[NDArray[np.int32], list[str]]:
    """Return the records at one end of each link, and what they are called in the store."""
    agencies, tokens = (table[f"{name}_{side}"].to_pylist() for name in ("agency", "token"))
    numbers = {name: number for number, name in enumerate(sources.names)}
    agency = np.array([numbers[name] for name in agencies], np.int32)
    wanted = token_bytes(tokens)
    ends = np.full(len(agency), -1, np.int32)
    for own in range(len(sources.names)):
        ends[agency == own] = sources.find(own, wanted[agency == own])
    if (ends < 0).any():
        raise ValueError("a record that is in no cluster")
    return ends, [f"{name} {token}" for name, token in zip(agencies, tokens, strict=True)]


def _weighed(content: bytes, links: int) -> Weighed:
    table = pq.read_table(io.BytesIO(content))
    if table.num_rows != links:
        raise ValueError("as many weights as links")
    columns = {
        name: np.asarray(table[name].to_numpy(), np.float64)
        for name in (*_CORRECTIONS, "own_probability")
    }
    own = columns.pop("own_probability")
    return Weighed(Corrections(**columns), own)


def _names(ones: list[str], others: list[str], key: bytes) -> NDArray[np.bytes_]:
    named = [
        hmac.digest(key, _PREFIX + f"{one}\n{other}".encode(), "sha256")[:CODE_BYTES]
        for one, other in zip(ones, others, strict=True)
    ]
    return np.array(named, _NAME)
