"""The JSON of CLKs that anonlink-client writes: ``{"clks": [base64, ..]}``, one per record.

It has no tokens and no header: which record a CLK belongs to is only its place in the list, and
nothing says under which scheme it was made.
"""

from __future__ import annotations

import base64
import binascii
import json

import numpy as np
from numpy.typing import NDArray

from linkage.encodings import Encodings
from linkage.errors import InputError


def clks_to_json(encodings: Encodings, name: str) -> str:
    """Return the CLKs of a file of encodings in its order; a null CLK is all zeros, as clkhash's.

    ``name`` is what errors call the file. Raises `InputError` unless it has one group.
    """
    if len(encodings.header.layout) != 1:
        groups = ", ".join(group.name for group in encodings.header.layout)
        raise InputError(
            f"{name} has {len(encodings.header.layout)} groups ({groups}) and the JSON of CLKs has "
            "room for one; encode with a scheme of one group."
        )
    octets = np.ascontiguousarray(encodings.bits[:, 0]).astype("<u8").view(np.uint8)
    rows = octets.reshape(len(encodings), -1)
    return json.dumps({"clks": [base64.b64encode(row.tobytes()).decode("ascii") for row in rows]})


def parse_clks(text: str, name: str) -> NDArray[np.uint8]:
    """Return the CLKs of a JSON file, uint8 (records, bytes); ``name`` is what errors call it.

    Raises `InputError` for anything but an object whose only key ``clks`` lists strings of strict
    base64, all of one length that is a multiple of eight bytes.
    """
    try:
        table = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{name} is not valid JSON: {error}.") from None
    if not isinstance(table, dict) or set(table) != {"clks"} or not isinstance(table["clks"], list):
        raise InputError(f'{name} is not a list of CLKs; it must read {{"clks": [..]}}.')
    if not table["clks"]:
        raise InputError(f"{name} has no CLKs; export it again.")
    clks = [_decode(clk, place, name) for place, clk in enumerate(table["clks"], 1)]
    width = len(clks[0])
    if odd := [place for place, clk in enumerate(clks, 1) if len(clk) != width]:
        raise InputError(
            f"{name} has CLKs of different lengths: number {odd[0]} has {len(clks[odd[0] - 1])} "
            f"bytes and number 1 has {width}; they don't belong in one file."
        )
    if not width or width % 8:
        raise InputError(f"{name} has CLKs of {width} bytes; it must be a multiple of eight.")
    return np.frombuffer(b"".join(clks), np.uint8).reshape(len(clks), width)


def _decode(clk: object, place: int, name: str) -> bytes:
    try:
        decoded = base64.b64decode(clk, validate=True) if isinstance(clk, str) else None
    except (binascii.Error, ValueError):
        decoded = None
    # Stray bits in the last character would be lost on the way back.
    if decoded is None or base64.b64encode(decoded).decode("ascii") != clk:
        raise InputError(f"{name}, CLK number {place}, is not base64; copy the file anew.")
    return decoded
