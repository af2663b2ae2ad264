"""Places as tokens: equal for one place at all agencies, and nothing to who lacks the secret.

Each analyst has tokens of their own, new in every epoch, so that no two cohorts' tables of places
can be laid side by side. A token hides a place only from those without the linkage secret; an
agency can test any address.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from hashing.cell import UNKNOWN
from hashing.folding import words
from hashing.secret import LinkageSecret, derive

TOKEN_BYTES = 16
_KEY_BYTES = 32


def place_key(secret: LinkageSecret, agreement: str, epoch: int, analyst: str) -> bytes:
    """Return the key, 32 bytes, of the place tokens for one analyst.

    ``agreement`` is the agreement's id, which stays the same from version to version.
    """
    info = f"concord/1/place\n{agreement}\n{epoch}\n{analyst}".encode("ascii")
    return derive(secret, info, _KEY_BYTES)


def place_text(place: str, postcode: str) -> str:
    """Return the standard form of a place, '' where it isn't known.

    ``place`` is as people wrote it; ``postcode`` is standardised already, '' where there is none.
    """
    name = " ".join(words(place))
    name = "" if name in UNKNOWN else name
    return f"{name}\n{postcode}" if postcode else name


def place_tokens(key: bytes, texts: Iterable[str]) -> list[bytes]:
    """Return the token, 16 bytes, of each standard form, none of which may be ''."""
    return [hmac.digest(key, text.encode(), "sha256")[:TOKEN_BYTES] for text in texts]
