"""Which uploads go into a run: of each agency the newest that it has committed by a round."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass
from sqlalchemy import Connection, select

from linkage.protocol.canonical import canonical_json, parse_message
from linkage.protocol.scheme import Name
from linkage.protocol.signing import Digest
from matcher.store.tables import committed_uploads, uploads

_STRICT = ConfigDict(extra="forbid", strict=True)
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
_Count = Annotated[int, Field(ge=0, lt=2**53)]


@dataclass(frozen=True, config=_STRICT)
class ChosenUpload:
    """A committed upload: whose, of which round, the SHA-256 and bytes of its file, its rows."""

    agency: Name
    round: _Count
    rows: _Count
    sha256: Digest
    size: _Count
    upload: Id


@dataclass(frozen=True, config=_STRICT)
class RunInputs:
    """The uploads that go into a run, by agency."""

    uploads: tuple[ChosenUpload, ...]

    @property
    def agencies(self) -> tuple[str, ...]:
        """The agencies that take part, in order."""
        return tuple(chosen.agency for chosen in self.uploads)

    @property
    def counts(self) -> dict[str, int]:
        """How much goes in, for the log."""
        rows = sum(chosen.rows for chosen in self.uploads)
        return {"agencies": len(self.uploads), "rows": rows}

    def content(self) -> bytes:
        """Return the canonical JSON."""
        return canonical_json({"uploads": [asdict(chosen) for chosen in self.uploads]})

    def digest(self) -> str:
        """SHA-256, in hex, of `content`."""
        return hashlib.sha256(self.content()).hexdigest()


_INPUTS = TypeAdapter(RunInputs)


def parse_inputs(content: bytes, run: str) -> RunInputs:
    """Read the stored inputs of a run; raises `VerificationError` for anything but those."""
    return parse_message(_INPUTS, content, f"What goes into the run {run}")


def choose_uploads(connection: Connection, agreement: str, last_round: int | None) -> RunInputs:
    """Return each agency's newest committed upload of the rounds up to ``last_round``, or of all.

    Uploads that are erased, or being erased, aren't there any more.
    """
    query = (
        select(
            committed_uploads.c.agency,
            committed_uploads.c.round,
            committed_uploads.c.rows,
            uploads.c.sha256,
            uploads.c.size,
            committed_uploads.c.upload,
        )
        .join(uploads, uploads.c.id == committed_uploads.c.upload)
        .where(committed_uploads.c.agreement == agreement, uploads.c.state == "committed")
        .order_by(committed_uploads.c.agency, committed_uploads.c.round)
    )
    if last_round is not None:
        query = query.where(committed_uploads.c.round <= last_round)
    newest = {row.agency: ChosenUpload(**row._asdict()) for row in connection.execute(query)}
    return RunInputs(tuple(newest.values()))
