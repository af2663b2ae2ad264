"""The pieces of an extract encoded on several threads, and handed on in their order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from agency_client.columns import ResolvedColumns
from agency_client.faults import SHOWN
from agency_client.reading.pieces import Piece
from agency_client.sampling import Drawn, draw
from agency_client.shuffling import Rows
from hashing.encoder import EncodedRows, Encoder, PartFill
from hashing.standardise import RefusedCell, StandardRows
from hashing.tokens import RecordTokens

# Enough to draw the attacked samples from, and to know which values are frequent.
SAMPLED = 5000
# Each thread holds a piece at a time, of some 120 MB.
_MOST_THREADS = 8
_CELL_WIDTH = 40
# What str.strip takes off.
_SPACES = "".join(chr(c) for c in range(0x3001) if chr(c).isspace())

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True, repr=False)
class EncodedPiece:
    """A piece of an extract, encoded; ``rows`` is None where only its faults were looked for.

    ``drawn`` is a random sample of its records. ``tokens`` and ``row_numbers`` are of all its rows,
    ``blank`` the numbers of those without a record id. ``damaged`` counts cells, the first few of
    them ``described``; ``skipped`` counts the rows they are in.
    """

    rows: Rows | None
    fills: tuple[PartFill, ...] | None
    drawn: Drawn | None
    tokens: NDArray[np.uint8]
    row_numbers: NDArray[np.int64]
    blank: NDArray[np.int64]
    damaged: int
    described: tuple[str, ...]
    skipped: int


@dataclass(frozen=True, repr=False)
class Piecework:
    """Encodes a piece; safe to be called from several threads."""

    encoder: Encoder
    tokens: RecordTokens
    header: tuple[str, ...]
    columns: ResolvedColumns
    skip_bad_rows: bool

    def encode(self, piece: Piece) -> EncodedPiece:
        """Standardise a piece and encode it, unless something in it stops the encoding."""
        ids = pc.utf8_trim(piece.columns[self.columns.record_id], characters=_SPACES)
        tokens = self.tokens.of(ids)
        blank = piece.row_numbers[np.asarray(pc.equal(ids, ""))]
        standard = self.encoder.standardise(self._fields(piece))
        refused = standard.refused()
        keep = np.ones(len(piece), np.bool_)
        keep[[cell.row for cell in refused]] = False
        rows, fills, drawn = None, None, None
        if not len(blank) and (self.skip_bad_rows or not refused):
            kept = _kept(standard, keep)
            encoded = self.encoder.encode_piece(kept)
            rows = _rows(encoded, tokens, ids, keep)
            fills, drawn = encoded.fills, draw(kept, SAMPLED)
        described = tuple(self._describe(piece, cell) for cell in refused[:SHOWN])
        skipped = int((~keep).sum())
        return EncodedPiece(
            rows, fills, drawn, tokens, piece.row_numbers, blank, len(refused), described, skipped
        )

    def _fields(self, piece: Piece) -> dict[str, Any]:
        empty = pa.array([""] * len(piece), pa.string())
        return {
            field: empty if index is None else piece.columns[index]
            for field, index in self.columns.fields.items()
        }

    def _describe(self, piece: Piece, cell: RefusedCell) -> str:
        index = self.columns.fields[cell.field]
        assert index is not None, "an absent column has no cells"
        text = piece.columns[index][cell.row].as_py()
        quoted = repr(text if len(text) <= _CELL_WIDTH else text[:_CELL_WIDTH] + "…")
        row, column = piece.row_numbers[cell.row], self.header[index]
        return f"row {row}, column {column!r}: {quoted} is {cell.reason}"


def in_order(work: Callable[[In], Out], pieces: Iterable[In]) -> Iterator[Out]:
    """Yield ``work(piece)`` for every piece, in order, some of them ahead on other threads."""
    threads = min(os.cpu_count() or 1, _MOST_THREADS)
    waiting: deque[Future[Out]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for piece in pieces:
                waiting.append(pool.submit(work, piece))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _kept(standard: StandardRows, keep: NDArray[np.bool_]) -> StandardRows:
    return standard if keep.all() else standard.keep(keep)


def _rows(
    encoded: EncodedRows, tokens: NDArray[np.uint8], ids: Any, keep: NDArray[np.bool_]
) -> Rows:
    kept_ids = ids if keep.all() else ids.filter(pa.array(keep))
    return Rows(np.ascontiguousarray(tokens[keep]), encoded.bits, encoded.present, kept_ids)
