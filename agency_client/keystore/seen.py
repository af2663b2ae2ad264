"""The messages of each disclosure that this keystore has seen, by their digests and in order.

A matcher could leave the last ones out, a recall above all; not from somebody who remembers them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from agency_client.keystore.store import OpenKeystore, make_private_folder
from agency_client.keystore.wrapping import unwrap_with_key, wrap_under_key
from agency_client.outputs import write_alone
from linkage.errors import VerificationError
from linkage.protocol.canonical import canonical_json, parse_message
from linkage.protocol.settings import settings
from linkage.protocol.signing import Digest

DISCLOSURES_FOLDER = "disclosures"
_KIND = "seen-disclosure"


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class _Seen:
    disclosure: Digest
    messages: tuple[Digest, ...]


_SEEN = TypeAdapter(_Seen)


def remember_messages(store: OpenKeystore, disclosure: str, messages: Sequence[str]) -> None:
    """Note the messages of a disclosure; raise `VerificationError` if earlier ones are missing."""
    path = store.folder / DISCLOSURES_FOLDER / f"{disclosure}.json"
    before = _read(store, disclosure, path)
    if tuple(messages[: len(before)]) != before:
        raise VerificationError(
            f"The matcher has left out messages of the disclosure {disclosure[:8]} that it had "
            "shown to you before; do nothing about it, and tell the other parties."
        )
    if len(messages) > len(before):
        _write(store, _Seen(disclosure, tuple(messages)), path)


def _read(store: OpenKeystore, disclosure: str, path: Path) -> tuple[str, ...]:
    try:
        wrapped = path.read_bytes()
    except FileNotFoundError:
        return ()
    content = unwrap_with_key(_KIND, wrapped, str(path), store.storage_key)
    seen = parse_message(_SEEN, content, str(path))
    if seen.disclosure != disclosure:
        raise VerificationError(f"{path} is about another disclosure; restore the keystore.")
    return seen.messages


def _write(store: OpenKeystore, seen: _Seen, path: Path) -> None:
    make_private_folder(path.parent)
    content = canonical_json(settings(seen))
    write_alone(path, wrap_under_key(_KIND, content, store.storage_key))
