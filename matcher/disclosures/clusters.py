"""The clusters of a run by their pseudonyms: which there are, who holds them, how sure they are."""

from __future__ import annotations

import io
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from linkage.errors import VerificationError
from linkage.protocol.sections.disclosure import Disclosure, DisclosureRule
from matcher.agreements.marks import Marks
from matcher.disclosures.pseudonyms import PSEUDONYM_BYTES, pseudonym

TOKEN_BYTES = 16
_COLUMNS = ["cluster_id", "agency", "record_token", "probability"]
_CODE = f"S{PSEUDONYM_BYTES}"
Record = tuple[str, str]
"""A record: its agency, and its token in 32 hex digits."""


@dataclass(frozen=True)
class RunClusters:
    """The clusters of a run, numbered in the order of their pseudonyms.

    ``pseudonyms`` S16 (k,) in rising order. The records stand by cluster, agency and token:
    ``agency`` int32 (n,) into ``agencies``, ``token`` uint8 (n, 16), ``probability`` float64 (n,)
    that of the link which brought a record in; ``start`` int64 (k + 1,) where each cluster begins.
    """

    run: str
    agencies: tuple[str, ...]
    pseudonyms: NDArray[np.bytes_]
    start: NDArray[np.int64]
    agency: NDArray[np.int32]
    token: NDArray[np.uint8]
    probability: NDArray[np.float64]

    def find(self, name: str) -> int | None:
        """Return the number of the cluster with a pseudonym (32 hex digits); None without one."""
        own = np.array([bytes.fromhex(name)], _CODE)
        at = int(np.searchsorted(self.pseudonyms, own)[0])
        return at if at < len(self.pseudonyms) and self.pseudonyms[at] == own[0] else None

    def after(self, name: str | None) -> int:
        """Return the number of the first cluster after a pseudonym."""
        if name is None:
            return 0
        own = np.array([bytes.fromhex(name)], _CODE)
        return int(np.searchsorted(self.pseudonyms, own, side="right")[0])

    def name(self, cluster: int) -> str:
        """Return the pseudonym of a cluster, 32 hex digits."""
        return bytes(self.pseudonyms[cluster : cluster + 1].tobytes()).hex()

    def held(self, cluster: int) -> dict[str, tuple[bytes, ...]]:
        """Return the tokens of a cluster by agency, in order."""
        found: dict[str, tuple[bytes, ...]] = {}
        for at in range(int(self.start[cluster]), int(self.start[cluster + 1])):
            name = self.agencies[self.agency[at]]
            found[name] = (*found.get(name, ()), self.token[at].tobytes())
        return found

    def locate(self, records: AbstractSet[Record]) -> dict[Record, int]:
        """Return the clusters of those records, agency and token in hex, that the run has."""
        if not records:
            return {}
        wanted = np.array([bytes.fromhex(token) for _, token in records], _CODE)
        own = np.ascontiguousarray(self.token).view(_CODE).ravel()
        found = {}
        for at in np.flatnonzero(np.isin(own, wanted)).tolist():
            record = (self.agencies[self.agency[at]], self.token[at].tobytes().hex())
            if record in records:
                found[record] = int(self.cluster[at])
        return found

    def size(self, cluster: int) -> int:
        """Return the number of a cluster's records."""
        return int(self._sizes[cluster])

    def least_probability(self, cluster: int) -> float:
        """Return the probability of a cluster's weakest link, 1 for a record alone."""
        return float(self._least[cluster])

    @cached_property
    def _least(self) -> NDArray[np.float64]:
        return np.minimum.reduceat(self.probability, self.start[:-1])

    @cached_property
    def _sizes(self) -> NDArray[np.int64]:
        return np.diff(self.start)

    @cached_property
    def cluster(self) -> NDArray[np.int64]:
        """The cluster of each record, int64 (n,)."""
        return np.repeat(np.arange(len(self._sizes)), self._sizes)

    @cached_property
    def _holds(self) -> NDArray[np.bool_]:
        """Which agency holds which cluster, bool (k, agencies)."""
        holds = np.zeros((len(self._sizes), len(self.agencies)), np.bool_)
        holds[self.cluster, self.agency] = True
        return holds

    def allowed_by(self, terms: Disclosure) -> dict[str, NDArray[np.bool_]]:
        """Return by rule which clusters it lets be proposed, bool (k,), categories aside."""
        if not len(self.pseudonyms):
            return {}
        holders = self._holds.sum(axis=1)
        sure = self._least >= terms.least_probability
        if not terms.several_records:
            sure &= holders == self._sizes
        return {rule.name: sure & self._meets(rule, holders) for rule in terms.rule}

    def _meets(self, rule: DisclosureRule, holders: NDArray[np.int64]) -> NDArray[np.bool_]:
        met: NDArray[np.bool_] = holders >= rule.least_agencies
        for name in rule.agencies:
            if name not in self.agencies:
                return np.zeros_like(met)
            met = met & self._holds[:, self.agencies.index(name)]
        return met


def read_clusters(content: bytes, run: str, key: bytes) -> RunClusters:
    """Read clusters.parquet of a run; raises `VerificationError` where it is damaged."""
    try:
        table = pq.read_table(io.BytesIO(content), columns=_COLUMNS)
        ids, codes = _coded(table["cluster_id"])
        names, agency = _coded(table["agency"])
        token = tokens_of(table["record_token"])
        probability = np.asarray(table["probability"].to_numpy(), np.float64)
    except (pa.ArrowException, KeyError, TypeError, ValueError):
        raise VerificationError(
            f"The clusters of the run {run} are damaged in the store; restore a backup."
        ) from None
    pseudonyms = np.array([pseudonym(key, own) for own in ids], _CODE)
    return _ordered(run, names, pseudonyms, codes, agency, token, probability)


def _ordered(
    run: str,
    names: list[str],
    pseudonyms: NDArray[np.bytes_],
    codes: NDArray[np.int64],
    agency: NDArray[np.int64],
    token: NDArray[np.uint8],
    probability: NDArray[np.float64],
) -> RunClusters:
    cluster = _ranks(pseudonyms)[codes]
    agencies = sorted(names)
    own = np.array([agencies.index(name) for name in names], np.int32)[agency]
    order = np.lexsort((np.ascontiguousarray(token).view(_CODE).ravel(), own, cluster))
    start = np.searchsorted(cluster[order], np.arange(len(pseudonyms) + 1))
    return RunClusters(
        run,
        tuple(agencies),
        np.sort(pseudonyms),
        start.astype(np.int64),
        own[order],
        token[order],
        probability[order],
    )


def _ranks(values: NDArray[np.bytes_]) -> NDArray[np.int64]:
    ranks = np.empty(len(values), np.int64)
    ranks[np.argsort(values)] = np.arange(len(values))
    return ranks


def tokens_of(column: Any) -> NDArray[np.uint8]:
    """Return tokens of 32 hex digits as uint8 (n, 16); raises `ValueError` for anything else."""
    own = column.cast(pa.string()).combine_chunks()
    if own.null_count or not pc.all(pc.equal(pc.binary_length(own), 2 * TOKEN_BYTES)).as_py():
        raise ValueError("a token of another length")
    digits = bytes(own.buffers()[2])[: 2 * TOKEN_BYTES * len(own)]
    return np.frombuffer(bytes.fromhex(digits.decode("ascii")), np.uint8).reshape(-1, TOKEN_BYTES)


def _coded(column: Any) -> tuple[list[str], NDArray[np.int64]]:
    """Return the distinct texts of a column, and for each row which one it has."""
    found = column.combine_chunks().dictionary_encode()
    codes = np.asarray(found.indices.to_numpy(zero_copy_only=False), np.int64)
    return [str(text) for text in found.dictionary.to_pylist()], codes


def is_protected(clusters: RunClusters, cluster: int, marks: Marks) -> bool:
    """Whether an agency has marked one of a cluster's records."""
    return any(
        not marks.get(agency, frozenset()).isdisjoint(tokens)
        for agency, tokens in clusters.held(cluster).items()
    )
