"""What the asker opens once a lookup is closed: every answer, verified against the pinned log."""

from __future__ import annotations

from dataclasses import dataclass

from agency_client.lookups.book import LookupBook, ReadLookup
from linkage.audit.checkpoint import Checkpoint, open_checkpoint
from linkage.audit.events import Event, parse_event
from linkage.audit.failures import LogError
from linkage.audit.merkle import leaf_hash, verify_inclusion
from linkage.errors import NotReadyError, PolicyError, VerificationError
from linkage.protocol.canonical import decode_base64
from linkage.protocol.keys import Identity
from linkage.protocol.lookups.content import Fields, open_answer, require_answer_to
from linkage.protocol.lookups.messages import digest_of, other_agencies, verify_answer
from linkage.protocol.lookups.replies import EnteredAnswer, EnteredEvent

ANSWERED, OPENED = "lookup.answered", "lookup.opened"


@dataclass(frozen=True, repr=False)
class Opened:
    """What was released, by agency and record; ``silent`` are those who haven't answered."""

    released: dict[str, tuple[Fields, ...]]
    silent: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Opened({len(self.released)} agencies)"


def open_lookup(book: LookupBook, found: ReadLookup, own: Identity) -> Opened:
    """Verify and open every answer.

    Raises `NotReadyError` before the lookup is closed, `PolicyError` for another agency's lookup,
    `VerificationError` where anything isn't what an agency has signed and the log has entered, the
    handing over itself among it.
    """
    if found.asker != own.name:
        raise PolicyError(f"The lookup is that of {found.asker!r}, who alone can open it.")
    if found.file.state != "closed":
        raise NotReadyError("The answers are handed over when the lookup's time is over.")
    checkpoint = _checkpoint(book, found)
    _verified_opening(book, found, checkpoint, own.name)
    released = {}
    for entered in found.file.answers:
        agency, records = _opened(book, found, entered, checkpoint, own)
        if agency in released:
            raise VerificationError(f"There are two answers of {agency!r}; use none of them.")
        released[agency] = records
    asked = other_agencies(book.agreement, own.name)
    return Opened(released, tuple(name for name in asked if name not in released))


def opening_of(book: LookupBook, found: ReadLookup, own: str) -> Event | None:
    """Return the log's event that the asker of a closed lookup was handed the answers.

    None for others while the asker wasn't; to the asker each answer comes with it. Raises
    `VerificationError` where the log hasn't what the matcher says.
    """
    return _verified_opening(book, found, _checkpoint(book, found), own)


def require_own_entered(book: LookupBook, found: ReadLookup, own: str, answer: str) -> None:
    """Raise `VerificationError` unless the log has the answer, by its digest, that was given last.

    A matcher could else have handed over an earlier one.
    """
    checkpoint = _checkpoint(book, found)
    for entered in found.file.answers:
        content = decode_base64(entered.answer, "The answer")
        if verify_entered(book, found, entered, checkpoint) == own and digest_of(content) == answer:
            return
    raise VerificationError(
        f"The matcher has handed over another answer of {own!r} to the lookup {found.id[:8]} than "
        f"was given last; tell {found.asker!r} and the other parties."
    )


def verify_entered(
    book: LookupBook, found: ReadLookup, entered: EnteredAnswer, checkpoint: Checkpoint
) -> str:
    """Return whose answer the log has entered; raises `VerificationError`."""
    content = decode_base64(entered.answer, "An answer")
    asker, signed = found.asker, found.signed
    agency, answer = verify_answer(content, "An answer", book.agreement, asker, signed)
    source = f"The answer of {agency!r}"
    require_answer_to(book.agreement, agency, answer, asker)
    event = _logged(entered.entered, checkpoint, source)
    digests = {"request": found.id, "answer": digest_of(content)}
    _require_about(event, ANSWERED, agency, digests, book, source)
    return agency


def _verified_opening(
    book: LookupBook, found: ReadLookup, checkpoint: Checkpoint, own: str
) -> Event | None:
    opened, source = found.file.opened, "The handing over of the answers"
    if opened is None:
        if found.asker == own:
            raise VerificationError(
                f"{source} to you isn't entered in the log; use none of them, and tell the data "
                "protection officer."
            )
        return None
    event = _logged(opened, checkpoint, source)
    _require_about(event, OPENED, found.asker, {"request": found.id}, book, source)
    if event.justification != found.request.necessity or any(
        entered.leaf > opened.leaf for entered in found.file.answers
    ):
        raise _otherwise(source)
    return event


def _logged(entered: EnteredEvent, checkpoint: Checkpoint, source: str) -> Event:
    """Return an event that the log has."""
    try:
        content = decode_base64(entered.event, source)
        proof = [decode_base64(hashed, source) for hashed in entered.proof]
        hashed = leaf_hash(content)
        verify_inclusion(hashed, entered.leaf, checkpoint.size, proof, checkpoint.root)
        return parse_event(content)
    except (LogError, ValueError) as error:
        raise VerificationError(f"{source} isn't in the log: {error}") from error


def _require_about(
    event: Event, kind: str, party: str, digests: dict[str, str], book: LookupBook, source: str
) -> None:
    said = (event.kind, event.party, event.agreement.digest, event.digests)
    if said != (kind, party, book.agreement.digest(), digests):
        raise _otherwise(source)


def _otherwise(source: str) -> VerificationError:
    return VerificationError(f"{source} is entered in the log as something else; use none of it.")


def _opened(
    book: LookupBook,
    found: ReadLookup,
    entered: EnteredAnswer,
    checkpoint: Checkpoint,
    own: Identity,
) -> tuple[str, tuple[Fields, ...]]:
    agency = verify_entered(book, found, entered, checkpoint)
    content = decode_base64(entered.answer, "An answer")
    _, answer = verify_answer(content, "An answer", book.agreement, found.asker, found.signed)
    return agency, open_answer(book.agreement, agency, answer, found.request, own)


def _checkpoint(book: LookupBook, found: ReadLookup) -> Checkpoint:
    """Return the checkpoint that counts the answers, which is of the history that is pinned."""
    note = decode_base64(found.file.checkpoint, "The checkpoint")
    connection = book.connection
    try:
        connection.hold_against(note)
        return open_checkpoint(note, connection.place.log_key)
    except LogError as error:
        raise VerificationError(f"The answers are in no log that is known: {error}") from error
