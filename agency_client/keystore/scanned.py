"""How far the log was verified since each proposal, so that only what is new is fetched again.

Losing a file of these costs time and nothing else: the log is then read anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from agency_client.keystore.seen import DISCLOSURES_FOLDER
from agency_client.keystore.store import OpenKeystore, make_private_folder
from agency_client.keystore.wrapping import unwrap_with_key, wrap_under_key
from agency_client.outputs import write_alone
from linkage.errors import VerificationError
from linkage.gaps import Since
from linkage.protocol.canonical import canonical_json, parse_message
from linkage.protocol.settings import settings
from linkage.protocol.signing import Digest

_KIND = "scanned-log"
_Leaf = Annotated[int, Field(ge=0, lt=2**53)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class _Scanned:
    """What `Since` holds, of one disclosure in the log of a name; ``roots`` are hex."""

    disclosure: Digest
    log: str
    size: _Leaf
    roots: tuple[Digest, ...]
    about: tuple[tuple[_Leaf, str], ...]


_SCANNED = TypeAdapter(_Scanned)


def verified_since(store: OpenKeystore, log: str, disclosure: str) -> Since | None:
    """Return what is verified of a log since a proposal; None where nothing is."""
    path = _path(store, disclosure)
    try:
        wrapped = path.read_bytes()
    except FileNotFoundError:
        return None
    content = unwrap_with_key(_KIND, wrapped, str(path), store.storage_key)
    found = parse_message(_SCANNED, content, str(path))
    if found.disclosure != disclosure:
        raise VerificationError(f"{path} is about another disclosure; delete it.")
    if found.log != log:
        return None
    return Since(found.size, tuple(map(bytes.fromhex, found.roots)), found.about)


def remember_since(store: OpenKeystore, log: str, disclosure: str, since: Since) -> None:
    """Note what is verified, unless that is known already."""
    before = verified_since(store, log, disclosure)
    if before is not None and before.size >= since.size:
        return
    roots = tuple(root.hex() for root in since.roots)
    found = _Scanned(disclosure, log, since.size, roots, since.about)
    path = _path(store, disclosure)
    make_private_folder(path.parent)
    write_alone(path, wrap_under_key(_KIND, canonical_json(settings(found)), store.storage_key))


def _path(store: OpenKeystore, disclosure: str) -> Path:
    return store.folder / DISCLOSURES_FOLDER / f"{disclosure}.log.json"
