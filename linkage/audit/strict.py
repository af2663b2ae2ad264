"""Decoding that takes one spelling of each value and no other."""

from __future__ import annotations

import base64
import binascii
import re

from linkage.audit.failures import MalformedError

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
LARGEST = 2**63 - 1


def to_base64(data: bytes) -> str:
    """Return the standard base64 (RFC 4648, section 4) of bytes."""
    return base64.b64encode(data).decode("ascii")


def canonical_base64(text: str, what: str) -> bytes:
    """Decode standard base64 with padding and without idle bits; raises `MalformedError`."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise MalformedError(f"{_sentence(what)} isn't base64.") from None
    if to_base64(data) != text:
        raise MalformedError(f"{_sentence(what)} isn't the canonical base64 of its bytes.")
    return data


def canonical_decimal(text: str, what: str) -> int:
    """Decode an ASCII decimal below 2^63 without leading zeroes; raises `MalformedError`."""
    if not _DECIMAL.fullmatch(text) or int(text) > LARGEST:
        raise MalformedError(f"{_sentence(what)} isn't a whole number without leading zeroes.")
    return int(text)


def utf8(data: bytes, what: str) -> str:
    """Decode UTF-8; raises `MalformedError`."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedError(f"{_sentence(what)} isn't text in UTF-8.") from None


def _sentence(what: str) -> str:
    return what[0].upper() + what[1:]
