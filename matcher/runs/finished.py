"""The outcome of a run: where its folder lies in the store of objects, and a digest of each file.

The log holds one digest of all of it, with a salt. Digests of single files would be none of the
parties' business: an agency could tell the table of no links at all by its digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from linkage.protocol.canonical import canonical_json, parse_message
from linkage.protocol.signing import Digest

_STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, config=_STRICT)
class StoredFile:
    """One file: its SHA-256 and its size in bytes."""

    sha256: Digest
    size: Annotated[int, Field(ge=0, lt=2**53)]


@dataclass(frozen=True, config=_STRICT)
class RunOutcome:
    """The files of a finished run below ``folder``, and a ``salt`` of 32 hex digits."""

    files: dict[str, StoredFile]
    folder: str
    salt: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]

    def content(self) -> bytes:
        """Return the canonical JSON."""
        return canonical_json(asdict(self))

    def digest(self) -> str:
        """SHA-256, in hex, of `content`."""
        return hashlib.sha256(self.content()).hexdigest()


_OUTCOME = TypeAdapter(RunOutcome)


def outcome_of(folder: str, contents: Mapping[str, bytes], salt: str) -> RunOutcome:
    """Return the outcome that has these contents, by path."""
    files = {
        path: StoredFile(hashlib.sha256(content).hexdigest(), len(content))
        for path, content in sorted(contents.items())
    }
    return RunOutcome(files, folder, salt)


def parse_outcome(content: bytes, run: str) -> RunOutcome:
    """Read the stored outcome of a finished run; raises `VerificationError`."""
    return parse_message(_OUTCOME, content, f"What came out of the run {run}")
