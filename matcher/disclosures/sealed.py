"""What holders seal to recipients: kept apart until the signed release names it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from linkage.errors import ConflictError, InputError, MissingError, NotReadyError, PolicyError
from linkage.protocol.disclosure.history import Case
from linkage.protocol.disclosure.messages import Release, digest_of
from linkage.protocol.disclosure.release import require_releasable, sealing_context
from linkage.protocol.sealing import require_sealed_for
from matcher.store.tables import sealed_fields

MOST_BYTES = 8 << 20
"""How long what is sealed to one recipient may be."""


def store_sealed(
    connection: Connection, case: Case, holder: str, recipient: str, content: bytes, now: int
) -> None:
    """Store what a holder seals to a recipient, in place of what it sealed before.

    Once its release is entered, only the same bytes are taken again, and change nothing. That the
    quorum is met is for the caller to know. Raises `InputError` for who is no recipient,
    `VerificationError` for what says it is for something else, `PolicyError` or `NotReadyError`
    where the holder may not release at ``now`` (POSIX seconds).
    """
    if recipient not in case.proposal.recipients:
        raise InputError(f"{recipient!r} is no recipient of the proposal; seal to those it names.")
    if holder in case.releases:
        if case.releases[holder].sealed.get(recipient) == digest_of(content):
            return
        raise ConflictError(f"{holder!r} has released something else already, and that stays.")
    require_releasable(case, holder, now)
    sender, receiver = (case.agreement.identity(name) for name in (holder, recipient))
    require_sealed_for(content, "What you release", sealing_context(case), sender, receiver)
    values = {"disclosure": case.digest, "holder": holder, "recipient": recipient}
    own = _is(case, holder, recipient)
    connection.execute(delete(sealed_fields).where(own))
    connection.execute(insert(sealed_fields).values(**values, content=content))


def require_all_sealed(connection: Connection, case: Case, holder: str, release: Release) -> None:
    """Raise `NotReadyError` unless all that a release names by its digest is there."""
    for recipient, digest in release.sealed.items():
        content = _stored(connection, case, holder, recipient)
        if content is None or digest_of(content) != digest:
            raise NotReadyError(
                f"What is sealed to {recipient!r} isn't here as the release names it; send that "
                "first."
            )


def sealed_to(connection: Connection, case: Case, holder: str, recipient: str) -> bytes:
    """Return what a holder has released to a recipient of the case.

    Raises `MissingError` where it has released nothing, and `PolicyError` once it was recalled.
    """
    if case.life.state not in ("released", "opened"):
        raise PolicyError(f"It is {case.life.state}; there is nothing to open.")
    content = _stored(connection, case, holder, recipient)
    if holder not in case.releases or content is None:
        raise MissingError(f"{holder!r} has released nothing to {recipient!r} by now.")
    return content


def _stored(connection: Connection, case: Case, holder: str, recipient: str) -> bytes | None:
    query = select(sealed_fields.c.content).where(_is(case, holder, recipient))
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else bytes(found)


def _is(case: Case, holder: str, recipient: str) -> ColumnElement[bool]:
    fields = sealed_fields.c
    return (
        (fields.disclosure == case.digest)
        & (fields.holder == holder)
        & (fields.recipient == recipient)
    )
