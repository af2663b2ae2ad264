"""The newest version of each agreement that this keystore has worked under.

Signatures never expire, so whoever hands out an earlier version with everybody's signatures could
bring back what was agreed away. What has once been in force here is not gone behind.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from agency_client.keystore.store import OpenKeystore
from agency_client.keystore.wrapping import unwrap_with_key, wrap_under_key
from agency_client.outputs import write_alone
from linkage.errors import PolicyError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import canonical_json, parse_message
from linkage.protocol.settings import settings
from linkage.protocol.signing import Digest, PartyName

PINS_FILE = "agreements.json"
_KIND = "agreement-pins"
_STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, config=_STRICT)
class _Pin:
    version: Annotated[int, Field(ge=1)]
    digest: Digest


@dataclass(frozen=True, config=_STRICT)
class _Pins:
    agreements: dict[PartyName, _Pin]


_PINS = TypeAdapter(_Pins)


def require_newest(store: OpenKeystore, agreement: Agreement) -> None:
    """Raise `PolicyError` where a later version, or another of the same number, was used before."""
    own = agreement.agreement
    pin = _read(store).agreements.get(own.id)
    if pin is None or pin.version < own.version or pin.digest == agreement.digest():
        return
    if pin.version > own.version:
        raise PolicyError(
            f"Version {own.version} of the agreement {own.id!r} was replaced: this keystore has "
            f"worked under version {pin.version} ({pin.digest[:16]}); use that."
        )
    raise PolicyError(
        f"There are two agreements {own.id!r} of version {own.version}: this keystore has worked "
        f"under {pin.digest[:16]} and this one is {agreement.digest()[:16]}; ask the other parties "
        "which they signed, and make a new version."
    )


def remember(store: OpenKeystore, agreement: Agreement) -> None:
    """Note that the keystore works under an agreement that is in force and the newest."""
    pins = _read(store)
    own = agreement.agreement
    pin = _Pin(own.version, agreement.digest())
    if pins.agreements.get(own.id) == pin:
        return
    content = canonical_json(settings(_Pins({**pins.agreements, own.id: pin})))
    write_alone(store.folder / PINS_FILE, wrap_under_key(_KIND, content, store.storage_key))


def _read(store: OpenKeystore) -> _Pins:
    path = store.folder / PINS_FILE
    try:
        wrapped = path.read_bytes()
    except FileNotFoundError:
        return _Pins({})
    content = unwrap_with_key(_KIND, wrapped, str(path), store.storage_key)
    return parse_message(_PINS, content, str(path))
