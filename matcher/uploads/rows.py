"""What the database knows of uploads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from linkage.errors import ConflictError, MissingError, NotReadyError
from linkage.protocol.upload import State, UploadState, part_count
from matcher.objects.keys import part_key, upload_objects
from matcher.store.tables import committed_uploads, rounds, upload_parts, uploads
from matcher.uploads.failures import REASONS

RowState = State | Literal["erasing"]
"""What an agency is told, or that it is being erased, which is the matcher's own affair."""


@dataclass(frozen=True)
class Upload:
    """An upload as it was announced, and what has become of it."""

    id: str
    agreement: str
    round: int
    agency: str
    state: RowState
    sha256: str
    size: int
    part_size: int
    opened: int
    refusal: str | None = None

    @property
    def parts(self) -> int:
        """The number of parts that the file has."""
        return part_count(self.size, self.part_size)

    @property
    def folder(self) -> str:
        """The beginning of the keys of its objects."""
        return upload_objects(self.id)

    def key(self, number: int, sha256: str) -> str:
        """Return the key of a part."""
        return part_key(self.id, number, sha256)


@dataclass(frozen=True)
class Committed:
    """A committed upload: its signed manifest, and the leaf of its event."""

    upload: str
    manifest: bytes
    leaf: int


def find(connection: Connection, upload: str, *, lock: bool = False) -> Upload | None:
    """Return an upload by its id; with ``lock`` it stays as it is until the commit."""
    query = select(uploads).where(uploads.c.id == upload)
    found = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    return None if found is None else _upload(found)


def require(
    connection: Connection, agreement: str, agency: str, upload: str, *, lock: bool = False
) -> Upload:
    """Return an agency's own upload, or raise `MissingError`, alike for what is another's."""
    found = find(connection, upload, lock=lock)
    if found is None or (found.agreement, found.agency) != (agreement, agency):
        raise MissingError(
            f"You have no upload {upload[:8]} here: it was abandoned, given up for a newer one, or "
            "expired; push the file again."
        )
    return found


def require_newest(
    connection: Connection, agreement: str, round_number: int, *, lock: bool = False
) -> None:
    """Raise unless a round is the newest: `NotReadyError` before it opens, `ConflictError` after.

    With ``lock``, who asks likewise waits until the commit.
    """
    query = select(rounds.c.round).where(rounds.c.agreement == agreement)
    query = query.order_by(rounds.c.round.desc()).limit(1)
    if lock:
        query = query.with_for_update(key_share=True)
    newest: int | None = connection.execute(query).scalar_one_or_none()
    if newest is None or newest < round_number:
        raise NotReadyError(
            f"Round {round_number} isn't open: every agency's answers to the known-answer "
            "handshake have to come first, and be alike."
        )
    if newest > round_number:
        raise ConflictError(
            f"Round {round_number} is over; push the file in round {newest}, which is open."
        )


def committed_in(
    connection: Connection, agreement: str, round_number: int, agency: str
) -> Upload | None:
    """Return an agency's committed upload in a round."""
    query = (
        select(uploads)
        .join(committed_uploads, committed_uploads.c.upload == uploads.c.id)
        .where(
            committed_uploads.c.agreement == agreement,
            committed_uploads.c.round == round_number,
            committed_uploads.c.agency == agency,
        )
    )
    found = connection.execute(query).mappings().one_or_none()
    return None if found is None else _upload(found)


def newest_in(
    connection: Connection, agreement: str, round_number: int, agency: str
) -> Upload | None:
    """Return the upload that counts in a round, the committed one or else the newest."""
    committed = committed_in(connection, agreement, round_number, agency)
    if committed is not None:
        return committed
    query = select(uploads).where(
        uploads.c.agreement == agreement,
        uploads.c.round == round_number,
        uploads.c.agency == agency,
    )
    newest = query.order_by(uploads.c.opened.desc(), uploads.c.id).limit(1)
    found = connection.execute(newest).mappings().one_or_none()
    return None if found is None else _upload(found)


def commitment_of(connection: Connection, upload: str) -> Committed | None:
    """Return what was committed of an upload."""
    of = committed_uploads.c
    query = select(of.upload, of.manifest, of.leaf).where(of.upload == upload)
    found = connection.execute(query).one_or_none()
    return None if found is None else Committed(found.upload, found.manifest, found.leaf)


def open_ones(
    connection: Connection, agreement: str, round_number: int, agency: str
) -> list[Upload]:
    """Return an agency's open uploads in a round, the oldest first."""
    query = select(uploads).where(
        uploads.c.agreement == agreement,
        uploads.c.round == round_number,
        uploads.c.agency == agency,
        uploads.c.state == "open",
    )
    found = connection.execute(query.order_by(uploads.c.opened, uploads.c.id)).mappings()
    return [_upload(row) for row in found]


def opened_before(connection: Connection, time: int) -> list[str]:
    """Return the ids of uploads that are open and were opened before POSIX seconds ``time``."""
    query = select(uploads.c.id).where(uploads.c.state == "open", uploads.c.opened < time)
    return list(connection.execute(query).scalars())


def with_objects(connection: Connection, ids: list[str]) -> set[str]:
    """Return those of some ids whose uploads may have objects: the open and committed ones."""
    kept = uploads.c.state.in_(["open", "committed"])
    query = select(uploads.c.id).where(uploads.c.id.in_(ids), kept)
    return set(connection.execute(query).scalars())


def parts_of(connection: Connection, upload: str) -> dict[int, str]:
    """Return the digests of the parts that are there, by number and in order."""
    of = upload_parts.c
    query = select(of.number, of.sha256).where(of.upload == upload).order_by(of.number)
    return {row.number: row.sha256 for row in connection.execute(query)}


def part_of(connection: Connection, upload: str, number: int) -> str | None:
    """Return the digest of a part, if it is there."""
    of = upload_parts.c
    query = select(of.sha256).where(of.upload == upload, of.number == number)
    found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def add(connection: Connection, upload: Upload) -> None:
    """Store a new upload."""
    connection.execute(insert(uploads).values(**upload.__dict__))


def add_part(connection: Connection, upload: Upload, number: int, sha256: str, size: int) -> None:
    """Store that a part is there."""
    values = {"upload": upload.id, "number": number, "sha256": sha256, "size": size}
    connection.execute(insert(upload_parts).values(**values))


def add_commitment(
    connection: Connection, upload: Upload, manifest: bytes, rows: int, leaf: int, time: int
) -> None:
    """Store that an upload is committed, which it is once per agency and round."""
    connection.execute(
        insert(committed_uploads).values(
            agreement=upload.agreement,
            round=upload.round,
            agency=upload.agency,
            upload=upload.id,
            manifest=manifest,
            rows=rows,
            leaf=leaf,
            committed=time,
        )
    )


def end(connection: Connection, upload: str, state: State, refusal: str | None = None) -> bool:
    """Change the state of an open upload; returns whether it was open."""
    query = update(uploads).where(uploads.c.id == upload, uploads.c.state == "open")
    return connection.execute(query.values(state=state, refusal=refusal)).rowcount == 1


def remove_open(connection: Connection, upload: str) -> bool:
    """Forget an upload that is open; returns whether it was."""
    found = find(connection, upload, lock=True)
    if found is None or found.state != "open":
        return False
    connection.execute(delete(upload_parts).where(upload_parts.c.upload == upload))
    connection.execute(delete(uploads).where(uploads.c.id == upload))
    return True


def state_of(connection: Connection, upload: Upload) -> UploadState:
    """Return the state of an upload as its agency is told."""
    return UploadState(
        id=upload.id,
        round=upload.round,
        state="erased" if upload.state == "erasing" else upload.state,
        sha256=upload.sha256,
        size=upload.size,
        part_size=upload.part_size,
        received=tuple(parts_of(connection, upload.id)),
        reason=REASONS[upload.refusal] if upload.refusal else "",
    )


def _upload(row: RowMapping) -> Upload:
    return Upload(**row)
