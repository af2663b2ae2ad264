"""The scans of a run as files, one per pair of agencies, bound to all that they depend on.

A file holds the candidates by their tokens, with the distance and the agreement level of each
group, and how often all pairs reach each level. Its binding names the two agencies' files by the
SHA-256 that closes them, the scheme, the rules and the erased records; a scan whose binding isn't
exactly that of the run to be made is made anew. A SHA-256 over all of it shows damage.

After an erasure the erased records' candidates are gone. The counts over all pairs stay as they
were counted: they name nobody, and one record among thousands doesn't move them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from linkage.encodings import TOKEN_BYTES, Encodings, comparable
from linkage.errors import VerificationError
from linkage.linking import LinkingRules
from linkage.patterns import NULL_DISTANCE
from linkage.scanning import PairScan
from linkage.searching import Completeness
from linkage.sources import Sources
from matcher.runs.tombstones import Tombstones

# Raise the number whenever a scan of the same files would find something else.
SCAN_FORMAT = "concord-scan/4"
FOLDER = "scans"
_BINDING, _COUNTS, _DIGEST = b"concord.binding", b"concord.counts", b"concord.sha256"
_TOKENS = ("token_a", "token_b")
_NULLS = {"distance": int(NULL_DISTANCE), "level": -1}


def scan_path(agencies: tuple[str, str]) -> str:
    """Return the path of a scan inside the run folder, safe and distinct on any file system.

    Some take capital and small letters for the same; the hash keeps such names apart.
    """
    exact = hashlib.sha256("\0".join(agencies).encode()).hexdigest()[:8]
    readable = "--".join(
        "".join(c if c.isascii() and c.isalnum() else "_" for c in name.lower())[:48]
        for name in agencies
    )
    return f"{FOLDER}/{readable}-{exact}.parquet"


def binding_of(
    one: Encodings, other: Encodings, rules: LinkingRules, erased: Tombstones
) -> dict[str, Any]:
    """Return all that the scan of two files depends on, ready for JSON."""
    agencies = (one.header.agency, other.header.agency)
    return {
        "format": SCAN_FORMAT,
        "agencies": list(agencies),
        "files": [one.digest, other.digest],
        "scheme": one.header.scheme_digest,
        "comparisons": [[c.name, c.length, c.kind, list(c.levels)] for c in rules.comparisons],
        "candidates_per_record": rules.candidates_per_record,
        "seed": rules.seed,
        "erased": erased.digest(agencies),
    }


def scan_file(
    sources: Sources, pair: tuple[int, int], scan: PairScan, binding: dict[str, Any]
) -> bytes:
    """Return a scan as a Parquet file: ``token_a, token_b`` and per group a distance and a level.

    Tokens are 16 bytes; the columns ``distance:GROUP`` uint16 and ``level:GROUP`` int8 are null
    where the group is.
    """
    left, right = (sources.starts[agency] for agency in pair)
    columns = {
        "token_a": _tokens(sources.tokens[scan.left + left]),
        "token_b": _tokens(sources.tokens[scan.right + right]),
    }
    for g, (name, *_) in enumerate(binding["comparisons"]):
        null = scan.distances[:, g] == NULL_DISTANCE
        columns[f"distance:{name}"] = pa.array(scan.distances[:, g], mask=null)
        columns[f"level:{name}"] = pa.array(scan.levels[:, g], mask=null)
    counts = {
        "total_pairs": scan.total_pairs,
        "marginals": scan.marginals.tolist(),
        "completeness": scan.completeness and asdict(scan.completeness),
    }
    return _write(pa.table(columns), binding, counts)


def read_scan(
    path: Path, sources: Sources, pair: tuple[int, int], binding: dict[str, Any]
) -> PairScan | None:
    """Return a stored scan, or None unless it is whole and its binding is exactly this one."""
    try:
        table, stored, counts = _read(path)
        if stored != binding:
            return None
        names = [name for name, *_ in binding["comparisons"]]
        distances = [_column(table, f"distance:{name}") for name in names]
        levels = [_column(table, f"level:{name}") for name in names]
        tokens = [_token_array(table, name) for name in _TOKENS]
        ends = [sources.find(pair[side], tokens[side]) for side in range(2)]
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return None
    if any((end < 0).any() for end in ends):
        return None
    return PairScan(
        ends[0] - np.int32(sources.starts[pair[0]]),
        ends[1] - np.int32(sources.starts[pair[1]]),
        np.stack(levels, axis=1).astype(np.int8),
        np.stack(distances, axis=1).astype(np.uint16),
        np.array(counts["marginals"], np.int64),
        int(counts["total_pairs"]),
        counts["completeness"] and Completeness(**counts["completeness"]),
    )


def erase_from_scan(path: Path, erased: Tombstones) -> bytes:
    """Return a stored scan without the candidates of erased records, bound to their absence.

    ``erased`` are all the run's tombstones. Raises `VerificationError` for a damaged file.
    """
    try:
        table, binding, counts = _read(path)
        agencies = (str(binding["agencies"][0]), str(binding["agencies"][1]))
        gone = [
            np.isin(comparable(_token_array(table, name)), comparable(erased.of(agency)))
            for name, agency in zip(_TOKENS, agencies, strict=True)
        ]
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise VerificationError(f"{path} is damaged; link the files again.") from error
    remaining = table.filter(pa.array(~(gone[0] | gone[1])))
    return _write(remaining, {**binding, "erased": erased.digest(agencies)}, counts)


def _write(table: Any, binding: dict[str, Any], counts: dict[str, Any]) -> bytes:
    metadata = {
        _BINDING: json.dumps(binding),
        _COUNTS: json.dumps(counts),
        _DIGEST: _content_digest(table, binding, counts),
    }
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(metadata), sink, compression="zstd")
    del table
    pa.default_memory_pool().release_unused()  # else it holds on to as much as the table was
    return bytes(sink.getvalue())


def _read(path: Path) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Return a scan's table, binding and counts; raise `ValueError` where they are altered."""
    table = pq.read_table(path)
    metadata = table.schema.metadata
    binding, counts = (json.loads(metadata[key]) for key in (_BINDING, _COUNTS))
    if metadata[_DIGEST].decode() != _content_digest(table, binding, counts):
        raise ValueError("altered")
    return table, binding, counts


def _content_digest(table: Any, binding: dict[str, Any], counts: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps([binding, counts, table.column_names]).encode())
    for name in table.column_names:
        values = _token_array(table, name) if name in _TOKENS else _column(table, name)
        digest.update(values.tobytes())
    return digest.hexdigest()


def _tokens(tokens: NDArray[np.uint8]) -> Any:
    data = pa.py_buffer(np.ascontiguousarray(tokens))
    return pa.Array.from_buffers(pa.binary(TOKEN_BYTES), len(tokens), [None, data])


def _token_array(table: Any, name: str) -> NDArray[np.uint8]:
    column = table[name].combine_chunks()
    data = np.frombuffer(column.buffers()[1] or b"", np.uint8)
    start = column.offset * TOKEN_BYTES
    return data[start : start + len(column) * TOKEN_BYTES].reshape(-1, TOKEN_BYTES)


def _column(table: Any, name: str) -> NDArray[Any]:
    """Return the distances or levels of a group, nulls as `PairScan` has them."""
    column: NDArray[Any] = table[name].fill_null(_NULLS[name.partition(":")[0]]).to_numpy()
    return column
