"""Identity cards: a party's name and public keys, as TOML that people hand to each other.

A card is the ``[[party]]`` of an agreement, so that it can be pasted into one. It proves nothing:
whoever receives it reads the fingerprint out to its owner.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from linkage.protocol.keys import (
    PublicIdentity,
    SealingKeyText,
    SigningKeyText,
    parse_sealing_key,
    parse_verifying_key,
)
from linkage.protocol.reading import parse_toml
from linkage.protocol.signing import PartyName

_STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, config=_STRICT)
class _CardParty:
    name: PartyName
    signing_key: SigningKeyText
    sealing_key: SealingKeyText


@dataclass(frozen=True, config=_STRICT)
class _Card:
    party: Annotated[list[_CardParty], Field(min_length=1, max_length=1)]


_CARD = TypeAdapter(_Card)


def card_toml(identity: PublicIdentity) -> str:
    """Return a party's card."""
    return (
        f"# The card of {identity.name}, for the linkage agreement. Read the fingerprint out to\n"
        f"# each other before you use it: {identity.fingerprint}\n"
        "[[party]]\n"
        f'name = "{identity.name}"\n'
        f'signing_key = "{identity.signing_key}"\n'
        f'sealing_key = "{identity.sealing_key}"\n'
    )


def parse_card(text: str, source: str) -> PublicIdentity:
    """Read a card, or raise `InputError`; its comments are not read."""
    card = parse_toml(_CARD, text, source, "card").party[0]
    return PublicIdentity(
        card.name, parse_verifying_key(card.signing_key), parse_sealing_key(card.sealing_key)
    )
