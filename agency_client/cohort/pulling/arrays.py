"""Arrow arrays of identifiers and terms as numbers and text, a whole column at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linkage.encodings import comparable

_BYTES = 16
_DIGITS = 2 * _BYTES


def whole(column: Any) -> Any:
    """Return a column as one array."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, column.type)


def rows_of(identifiers: Any) -> NDArray[np.uint8]:
    """Return identifiers, an Arrow array of 16 bytes each, as uint8 (n, 16); null is zeros."""
    own = whole(identifiers)
    data = np.frombuffer(own.buffers()[1] or b"", np.uint8)
    start = own.offset * _BYTES
    found = data[start : start + len(own) * _BYTES].reshape(len(own), _BYTES).copy()
    if own.null_count:
        found[~np.asarray(own.is_valid())] = 0
    return found


def keys_of(identifiers: Any) -> NDArray[np.bytes_]:
    """Return identifiers as bytes that compare, (n,)."""
    return comparable(rows_of(identifiers))


def hex_of(identifiers: Any) -> Any:
    """Return identifiers as an Arrow array of 32 hex digits each; null stays null."""
    rows = rows_of(identifiers)
    offsets = np.arange(len(rows) + 1, dtype=np.int32) * _DIGITS
    digits = pa.py_buffer(rows.tobytes().hex().encode("ascii"))
    text = pa.StringArray.from_buffers(len(rows), pa.py_buffer(offsets), digits)
    if not identifiers.null_count:
        return text
    return pc.if_else(identifiers.is_valid(), text, pa.scalar(None, pa.string()))


def agreed(values: Any, group: NDArray[np.int64], groups: int) -> Any:
    """Return per group the value that all of its rows with one agree on, else null.

    ``values`` is an Arrow array of strings, ``group`` int64 (n,) the group of each, below
    ``groups``.
    """
    encoded = whole(values).dictionary_encode()
    given = np.asarray(encoded.is_valid())
    codes = np.asarray(pc.fill_null(encoded.indices, 0), np.int64)[given]
    none = len(encoded.dictionary)
    least, most = np.full(groups, none), np.full(groups, -1)
    np.minimum.at(least, group[given], codes)
    np.maximum.at(most, group[given], codes)
    chosen = np.where(least == most, least, none)
    return pa.array([*encoded.dictionary.to_pylist(), None], pa.string()).take(pa.array(chosen))
