"""What this agency has decided about others' lookups, kept in its keystore for an auditor.

::

    keystore/lookups/ID.json    0600, under the storage key

The answer commits to the decision by a salt, so that what is shown later is what was decided.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from agency_client.keystore.store import OpenKeystore, make_private_folder
from agency_client.keystore.wrapping import unwrap_with_key, wrap_under_key
from agency_client.outputs import write_alone
from linkage.protocol.canonical import canonical_json, parse_message
from linkage.protocol.lookups.content import Decision
from linkage.protocol.settings import settings
from linkage.protocol.signing import Digest

FOLDER = "lookups"
_KIND = "lookup-note"
_STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, config=_STRICT)
class Note:
    """A decision, the salt (hex) of the commitment to it, and the digest of the signed answer.

    ``given`` says that the matcher has acknowledged the answer.
    """

    decision: Decision
    salt: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    answer: Digest
    given: bool = False


_NOTE = TypeAdapter(Note)


def keep_note(store: OpenKeystore, note: Note) -> None:
    """Keep the newest decision about a lookup."""
    make_private_folder(store.folder / FOLDER)
    content = canonical_json(settings(note))
    path = _path(store, note.decision.request)
    write_alone(path, wrap_under_key(_KIND, content, store.storage_key))


def note_about(store: OpenKeystore, lookup: str) -> Note | None:
    """Return what was decided about a lookup; raises `VerificationError` where it is damaged."""
    path = _path(store, lookup)
    try:
        wrapped = path.read_bytes()
    except FileNotFoundError:
        return None
    content = unwrap_with_key(_KIND, wrapped, str(path), store.storage_key)
    return parse_message(_NOTE, content, str(path))


def _path(store: OpenKeystore, lookup: str) -> Path:
    return store.folder / FOLDER / f"{lookup}.json"
