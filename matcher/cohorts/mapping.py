"""Making the map of a cohort: a keyed hash for each cluster, and for each record with payload.

Everything else is whole columns, so that a map of hundreds of thousands of people takes seconds.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from linkage.errors import VerificationError
from linkage.protocol.cohort.people_map import (
    HOUSEHOLDS,
    PSEUDONYM_BYTES,
    RECORDS,
    PeopleMap,
)
from linkage.protocol.cohort.persons import keyed_ids, person_ids
from matcher.disclosures.clusters import RunClusters, tokens_of

KEY_BYTES = 32
_PREFIX = b"concord/1/cohort\n"
_CODE = f"S{PSEUDONYM_BYTES}"
_ENDS = ("a", "b")


def cohort_names(key: bytes, clusters: RunClusters) -> NDArray[np.bytes_]:
    """Return the pseudonyms of a run's clusters under a cohort's key (32 bytes), S16 (k,).

    They are made from the pseudonyms in the run, so that who has both can't tell clusters' ids.
    """
    if len(key) != KEY_BYTES:
        raise ValueError("a cohort's key has 32 bytes")
    digits = np.ascontiguousarray(clusters.pseudonyms).tobytes().hex().encode("ascii")
    return np.frombuffer(keyed_ids(key, _PREFIX, digits, 2 * PSEUDONYM_BYTES), _CODE)


def make_map(
    clusters: RunClusters, key: bytes, blindings: Mapping[str, bytes], hints: bytes | None
) -> PeopleMap:
    """Return the map of a run's clusters under a cohort's key.

    ``blindings`` has the key of people's ids of each agency that has sent payload; ``hints`` is the
    run's hints.parquet, None where its groups can't show any. Raises `VerificationError` where
    that is damaged.
    """
    names = cohort_names(key, clusters)
    if len(np.unique(names)) != len(names):
        raise RuntimeError("two people have one pseudonym")  # 1 in 2^88 of a million
    records = _records(clusters, names[clusters.cluster], blindings)
    return PeopleMap(records, _households(clusters, names, hints))


def _records(
    clusters: RunClusters, names: NDArray[np.bytes_], blindings: Mapping[str, bytes]
) -> Any:
    person = np.zeros_like(clusters.token)
    known = np.zeros(len(person), np.bool_)
    for number, agency in enumerate(clusters.agencies):
        if agency in blindings:
            own = clusters.agency == number
            person[own] = person_ids(blindings[agency], clusters.token[own])
            known |= own
    order = np.lexsort((person.view(_CODE).ravel(), clusters.agency, names))
    agencies = pa.DictionaryArray.from_arrays(
        pa.array(clusters.agency[order], pa.int32()), pa.array(clusters.agencies, pa.string())
    )
    columns = [
        _ids(names[order]),
        agencies.cast(pa.string()),
        _ids(person[order], known[order]),
        pa.array(clusters.probability[order], pa.float64()),
    ]
    return pa.table(columns, RECORDS)


def _households(clusters: RunClusters, names: NDArray[np.bytes_], hints: bytes | None) -> Any:
    one, other = _hinted(clusters, hints)
    apart = (one != other) & (one >= 0) & (other >= 0)
    near, far = names[one[apart]], names[other[apart]]
    pairs = np.empty(len(near), np.dtype([("one", _CODE), ("other", _CODE)]))
    pairs["one"], pairs["other"] = np.where(near < far, near, far), np.where(near < far, far, near)
    found = np.unique(pairs)
    return pa.table([_ids(found["one"]), _ids(found["other"])], HOUSEHOLDS)


def _hinted(
    clusters: RunClusters, hints: bytes | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the clusters of both ends of each hint; -1 for a record that the run hasn't."""
    if hints is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    try:
        table = pq.read_table(io.BytesIO(hints))
        ends = [
            (table[f"agency_{end}"].to_pylist(), _tokens(table[f"token_{end}"])) for end in _ENDS
        ]
    except (pa.ArrowException, KeyError, TypeError, ValueError):
        raise VerificationError(
            f"The household hints of the run {clusters.run} are damaged in the store; restore a "
            "backup."
        ) from None
    one, other = (_clusters_of(clusters, agencies, tokens) for agencies, tokens in ends)
    return one, other


def _tokens(column: Any) -> NDArray[np.uint8]:
    return tokens_of(column) if len(column) else np.empty((0, PSEUDONYM_BYTES), np.uint8)


def _clusters_of(
    clusters: RunClusters, agencies: list[str], tokens: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """Return the cluster of each record, by agency and token; -1 where there is none."""
    numbers = {name: number for number, name in enumerate(clusters.agencies)}
    asked = np.array([numbers.get(name, -1) for name in agencies], np.int64)
    found = np.full(len(tokens), -1, np.int64)
    wanted = np.ascontiguousarray(tokens).view(_CODE).ravel()
    for number in set(asked.tolist()) - {-1}:
        own = np.flatnonzero(clusters.agency == number)
        known = np.ascontiguousarray(clusters.token[own]).view(_CODE).ravel()
        order = np.argsort(known)
        rows = np.flatnonzero(asked == number)
        at = np.minimum(np.searchsorted(known, wanted[rows], sorter=order), len(own) - 1)
        there = known[order[at]] == wanted[rows]
        found[rows[there]] = clusters.cluster[own[order[at[there]]]]
    return found


def _ids(values: NDArray[Any], known: NDArray[np.bool_] | None = None) -> Any:
    """Return ids of 16 bytes as an Arrow column, null where they aren't known."""
    data = pa.py_buffer(np.ascontiguousarray(values).tobytes())
    bitmap = None if known is None else pa.py_buffer(np.packbits(known, bitorder="little"))
    return pa.Array.from_buffers(pa.binary(PSEUDONYM_BYTES), len(values), [bitmap, data])
