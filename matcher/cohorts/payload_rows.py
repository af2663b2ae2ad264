"""What the database knows of payloads."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from linkage.errors import ConflictError, MissingError, NotReadyError, PolicyError
from linkage.protocol.cohort.messages import PayloadManifest
from matcher.objects.keys import payload_objects, piece_key
from matcher.store.tables import committed_uploads, payload_pieces, payloads, uploads


@dataclass(frozen=True, repr=False)
class Payload:
    """A payload: whose, of which round, for whom, and what has become of it."""

    id: str
    agreement: str
    round: int
    agency: str
    analyst: str
    state: Literal["open", "committed", "erasing", "erased"]
    opened: int
    manifest: bytes | None = None
    leaf: int | None = None
    committed: int | None = None
    blinding: bytes | None = None

    def __repr__(self) -> str:
        return f"Payload({self.id[:8]}, {self.state})"

    @property
    def folder(self) -> str:
        """The beginning of the keys of its objects."""
        return payload_objects(self.id)

    def key(self, number: int, sha256: str) -> str:
        """Return the key of a piece."""
        return piece_key(self.id, number, sha256)


@dataclass(frozen=True)
class Slot:
    """Where a payload belongs: one of each."""

    agreement: str
    round: int
    agency: str
    analyst: str


def find(connection: Connection, slot: Slot) -> Payload | None:
    """Return the payload in a slot."""
    query = select(payloads).where(
        payloads.c.agreement == slot.agreement,
        payloads.c.round == slot.round,
        payloads.c.agency == slot.agency,
        payloads.c.analyst == slot.analyst,
    )
    found = connection.execute(query).mappings().one_or_none()
    return None if found is None else _payload(found)


def require(connection: Connection, slot: Slot) -> Payload:
    """Return the payload in a slot, or raise `MissingError`."""
    found = find(connection, slot)
    if found is None:
        raise MissingError(
            f"You have sent no payload for {slot.analyst!r} in round {slot.round}; push one."
        )
    return found


def require_upload(connection: Connection, slot: Slot) -> None:
    """Raise `NotReadyError` before the agency's upload is committed, `PolicyError` once erased."""
    query = (
        select(uploads.c.state)
        .join(committed_uploads, committed_uploads.c.upload == uploads.c.id)
        .where(
            committed_uploads.c.agreement == slot.agreement,
            committed_uploads.c.round == slot.round,
            committed_uploads.c.agency == slot.agency,
        )
    )
    state = connection.execute(query).scalar_one_or_none()
    if state is None:
        raise NotReadyError(
            f"You have no committed upload in round {slot.round}; push the file of encodings first."
        )
    if state != "committed":
        raise PolicyError(
            f"Your upload of round {slot.round} is erased, so nothing can be told of its people; "
            "push into the next round."
        )


def opened(connection: Connection, slot: Slot, now: int) -> Payload:
    """Return the open payload in a slot, a new one if there is none; raises `ConflictError`."""
    found = find(connection, slot)
    if found is None:
        found = Payload(secrets.token_hex(16), **slot.__dict__, state="open", opened=now)
        values = {"id": found.id, **slot.__dict__, "state": "open", "opened": now}
        connection.execute(insert(payloads).values(**values))
    if found.state != "open":
        raise ended(found)
    return found


def pieces_of(connection: Connection, payload: str) -> dict[int, str]:
    """Return the digests of the pieces that are there, by number and in order."""
    of = payload_pieces.c
    query = select(of.number, of.sha256).where(of.payload == payload).order_by(of.number)
    return {row.number: row.sha256 for row in connection.execute(query)}


def piece_of(connection: Connection, payload: str, number: int) -> str | None:
    """Return the digest of a piece, None if it isn't there."""
    of = payload_pieces.c
    query = select(of.sha256).where(of.payload == payload, of.number == number)
    return connection.execute(query).scalar_one_or_none()


def put_piece(connection: Connection, payload: str, number: int, sha256: str) -> str | None:
    """Store that a piece is there; return the digest of the one whose place it takes."""
    before = piece_of(connection, payload, number)
    if before is None:
        values = {"payload": payload, "number": number, "sha256": sha256}
        connection.execute(insert(payload_pieces).values(**values))
    elif before != sha256:
        own = (payload_pieces.c.payload == payload) & (payload_pieces.c.number == number)
        connection.execute(update(payload_pieces).where(own).values(sha256=sha256))
    return before


def commit(
    connection: Connection,
    payload: Payload,
    said: PayloadManifest,
    manifest: bytes,
    blinding: bytes,
    at: tuple[int, int],
) -> None:
    """Store that an open payload is committed; ``at`` is the leaf and the time.

    Pieces of an earlier attempt beyond those that the manifest names are forgotten.
    """
    leaf, now = at
    of = payload_pieces.c
    beyond = (of.payload == payload.id) & (of.number >= len(said.pieces))
    connection.execute(delete(payload_pieces).where(beyond))
    connection.execute(
        update(payloads)
        .where(payloads.c.id == payload.id)
        .values(state="committed", manifest=manifest, blinding=blinding, leaf=leaf, committed=now)
    )


def committed_for(
    connection: Connection, agreement: str, analyst: str, rounds: dict[str, int]
) -> dict[str, Payload]:
    """Return the committed payloads for an analyst by agency, each of the agency's own round."""
    query = select(payloads).where(
        payloads.c.agreement == agreement,
        payloads.c.analyst == analyst,
        payloads.c.state == "committed",
    )
    found = map(_payload, connection.execute(query).mappings())
    return {own.agency: own for own in found if rounds.get(own.agency) == own.round}


def ended(payload: Payload) -> ConflictError:
    """Return the error for a payload that takes nothing more."""
    state = "erased" if payload.state == "erasing" else payload.state
    return ConflictError(
        f"Your payload for {payload.analyst!r} in round {payload.round} is {state}, and stays so; "
        "what has changed since goes into the next round."
    )


def _payload(row: RowMapping) -> Payload:
    own = dict(row)
    for name in ("manifest", "blinding"):
        own[name] = None if own[name] is None else bytes(own[name])
    return Payload(**own)
