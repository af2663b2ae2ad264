"""Writing encodings and their map in one random order, with what is repeated hidden."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from agency_client.shuffling import Rows, Shuffler, chunks
from hashing.secret import LinkageSecret
from hashing.suppression import Fill, Repeats, keyed_fill
from linkage.encodings import Encodings, Header, write_encodings

_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_MAP_SCHEMA = pa.schema([("record_token", pa.string()), ("record_id", pa.string())])


@dataclass
class Written:
    """What was written so far.

    ``hidden`` int64 (groups,) counts the rows in which a group was hidden, ``wholly_hidden``
    those of which every group was.
    """

    hidden: NDArray[np.int64]
    records: int = 0
    wholly_hidden: int = 0


def write_outputs(
    map_sink: IO[bytes],
    out_sink: IO[bytes],
    header: Header,
    shuffler: Shuffler,
    repeats: Repeats | None,
    secret: LinkageSecret,
) -> Written:
    """Write both files; without ``repeats`` nothing is hidden, with them by ``secret``."""
    written = Written(np.zeros(len(header.layout), np.int64))

    def encodings(map_writer: Any) -> Iterator[Encodings]:
        for bucket in shuffler.shuffled():
            known = _map_of(bucket)
            map_writer.write_table(known)
            written.records += known.num_rows
            for rows in chunks(bucket):
                bits = rows.bits
                if repeats is not None:
                    fill = keyed_fill(secret, header.agency, rows.record_ids)
                    bits = _hide(rows, repeats, fill, written)
                yield Encodings(header, rows.tokens, bits, rows.present)

    with pq.ParquetWriter(map_sink, _MAP_SCHEMA, use_dictionary=False) as map_writer:
        write_encodings(out_sink, header, encodings(map_writer))
    return written


def _hide(rows: Rows, repeats: Repeats, fill: Fill, written: Written) -> NDArray[np.uint64]:
    bits, hidden = repeats.hide(rows.bits, rows.present, fill)
    written.hidden += hidden.sum(axis=0)
    wholly = hidden.any(axis=1) & (hidden == rows.present).all(axis=1)
    written.wholly_hidden += int(wholly.sum())
    return bits


def _map_of(rows: Rows) -> Any:
    """Return the map's rows of a bucket: one per record, in the order of their first rows."""
    names = np.ascontiguousarray(rows.tokens).view("V16").ravel()
    _, first = np.unique(names, return_index=True)
    first.sort()
    tokens = rows.tokens[first]
    digits = np.stack([_HEX[tokens >> 4], _HEX[tokens & 15]], axis=2).reshape(len(tokens), -1)
    ends = np.arange(0, digits.size + 1, digits.shape[1], dtype=np.int32)
    hexed = pa.StringArray.from_buffers(len(tokens), pa.py_buffer(ends), pa.py_buffer(digits))
    return pa.table([hexed, rows.record_ids.take(pa.array(first))], schema=_MAP_SCHEMA)
