"""A long answer of many lines, to be sent in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

_PIECE = 1 << 16


def in_pieces(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Return lines joined to pieces, since each piece costs a turn of the thread pool.

    The first is made at once: what is wrong from the start is raised before anything is sent.
    """
    pieces = _joined(lines)
    return chain((next(pieces, b""),), pieces)


def _joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    piece = bytearray()
    for line in lines:
        piece += line
        if len(piece) >= _PIECE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)
