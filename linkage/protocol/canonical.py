"""Canonical JSON (RFC 8785), and the strict reading of what others have written in it.

What is signed is signed as bytes. So that no two readers of the same bytes see different things,
JSON from others is read strictly: UTF-8 without a byte-order mark, an object at the top, every name
once, numbers that a double holds, and, where it was signed, exactly the canonical bytes.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import Any, NoReturn, TypeVar

import rfc8785
from pydantic import TypeAdapter, ValidationError

from linkage.errors import InputError, VerificationError

# Anything that is longer is no message of this protocol.
MOST_BYTES = 16 * 2**20
# Deeper than any message; shallow enough for every JSON reader's stack.
MOST_DEPTH = 32
_EXACT = 2**53 - 1

_Message = TypeVar("_Message")


def canonical_json(value: dict[str, Any]) -> bytes:
    """Return the canonical JSON (RFC 8785) of an object of plain data.

    Raises `InputError` for what strict readers would not take: whole numbers beyond 2^53 - 1,
    numbers that aren't finite, text with lone surrogates, nesting beyond `MOST_DEPTH`.
    """
    try:
        content = rfc8785.dumps(value)
        parse_json(content, "it")
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, VerificationError):
        raise InputError(
            "A setting is a number or a text that JSON can't hold exactly, so it can't be signed; "
            "keep whole numbers below 2^53 and texts in proper Unicode."
        ) from None
    return content


def parse_json(content: bytes, source: str) -> dict[str, Any]:
    """Read one JSON object strictly; ``source`` is the name that errors give to it.

    Raises `VerificationError` for anything but an object whose every name stands once.
    """
    if len(content) > MOST_BYTES:
        raise VerificationError(f"{source} is larger than any message; ask for it again.")
    try:
        found = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_each_name_once,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_exact,
        )
        _refuse_deep(found, MOST_DEPTH)
    except (ValueError, RecursionError):
        raise VerificationError(
            f"{source} is not strict JSON (UTF-8, each name once, exact numbers); ask for it again."
        ) from None
    if not isinstance(found, dict):
        raise VerificationError(f"{source} is not a JSON object; ask for it again.")
    return found


def parse_canonical(content: bytes, source: str) -> dict[str, Any]:
    """Read one JSON object whose bytes are the canonical ones.

    Raises `VerificationError` for any other bytes, even if they say the same.
    """
    found = parse_json(content, source)
    try:
        canonical = canonical_json(found)
    except InputError:
        canonical = b""
    if canonical != content:
        raise VerificationError(
            f"{source} is JSON, but not in its canonical form (RFC 8785), so it was changed after "
            "it was made; ask for it again."
        )
    return found


def parse_message(adapter: TypeAdapter[_Message], content: bytes, source: str) -> _Message:
    """Read canonical JSON as the message that ``adapter`` describes, or raise `VerificationError`.

    Only the names of what is wrong are told, never a value.
    """
    parse_canonical(content, source)
    try:
        return adapter.validate_json(content)
    except ValidationError as error:
        places = sorted({".".join(map(str, fault["loc"])) or "it" for fault in error.errors()})
        raise VerificationError(
            f"{source} is not the message it should be ({', '.join(places[:8])} can't be so); "
            "check that it is the right file, and that both sides have the same release."
        ) from None


def decode_base64(text: str, source: str) -> bytes:
    """Decode base64 (RFC 4648, section 4) of which there is one form only."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        content = None
    if content is None or base64.b64encode(content).decode("ascii") != text:
        raise VerificationError(f"{source} holds base64 that isn't in its one form; ask again.")
    return content


def encode_base64(content: bytes) -> str:
    """Return base64 (RFC 4648, section 4) with padding and without line breaks."""
    return base64.b64encode(content).decode("ascii")


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _exact(text: str) -> int:
    value = int(text) if len(text) <= 17 else _EXACT + 1
    if abs(value) > _EXACT:
        raise ValueError("a whole number is too large")
    return value


def _refuse_deep(value: Any, left: int) -> None:
    if left < 0:
        raise ValueError("it is nested too deeply")
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            _refuse_deep(inner, left - 1)
