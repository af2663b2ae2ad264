"""The matcher's own keys as a party of agreements, in a file of its owner's alone.

The file is canonical JSON of the two seeds, 32 bytes each, in base64. Which party the matcher is,
each agreement says by these keys.
"""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass as message

from linkage.errors import InputError, PolicyError, VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import (
    canonical_json,
    decode_base64,
    encode_base64,
    parse_message,
)
from linkage.protocol.keys import SEED_BYTES, Identity, OpeningKey, SigningKey

TYPE = "concord.party-keys/1"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MOST_BYTES = 1 << 12
_Seed = Annotated[str, Field(max_length=64)]


@dataclass(frozen=True)
class PartyKeys:
    """A signing key and an opening key, under whatever name an agreement has for them."""

    signing_key: SigningKey
    opening_key: OpeningKey

    def named(self, name: str) -> Identity:
        """Return the identity with these keys under a name."""
        return Identity(name, self.signing_key, self.opening_key)

    def matcher_of(self, agreement: Agreement) -> Identity | None:
        """Return the matcher's identity in an agreement; None where that has other keys for it."""
        for name in agreement.names("matcher"):
            own = self.named(name)
            if own.public in agreement.identities:
                return own
        return None


@message(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class _File:
    opening: _Seed
    signing: _Seed
    type: str


_FILE = TypeAdapter(_File)


def new_key_file() -> bytes:
    """Return the file of new keys; it is secret."""
    seeds = {name: secrets.token_bytes(SEED_BYTES) for name in ("opening", "signing")}
    texts = {name: encode_base64(seed) for name, seed in seeds.items()}
    return canonical_json({**texts, "type": TYPE})


def parse_keys(content: bytes, source: str) -> PartyKeys:
    """Read the file of the matcher's keys; raises `InputError`."""
    try:
        found = parse_message(_FILE, content, source)
        opening, signing = (decode_base64(own, source) for own in (found.opening, found.signing))
    except VerificationError:
        raise InputError(_unusable(source)) from None
    if found.type != TYPE or {len(opening), len(signing)} != {SEED_BYTES}:
        raise InputError(_unusable(source))
    return PartyKeys(SigningKey(signing), OpeningKey(opening))


def read_keys(path: Path) -> PartyKeys | None:
    """Read the matcher's keys; None where it has none.

    Raises `PolicyError` if others may read the file, and `InputError` if it holds no keys.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & _OTHERS:
                raise PolicyError(
                    f"Others may read {path}, and whoever has these keys can sign as the matcher; "
                    "run 'chmod 600' on it and find out who could."
                )
            content = file.read(_MOST_BYTES)
    except FileNotFoundError:
        return None
    return parse_keys(content, str(path))


def _unusable(source: str) -> str:
    return f"{source} doesn't hold the matcher's keys; put them back from your copy."
