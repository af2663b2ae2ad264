"""Reading a disclosure: fetched, held against the log that is pinned, and told by its messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from agency_client.disclosures.office import Office
from agency_client.keystore.scanned import remember_since, verified_since
from agency_client.keystore.seen import remember_messages
from agency_client.matcher_api.disclosures import PAGE_EVENTS
from linkage.entries import VerifiedFile, settle, verify_file
from linkage.errors import InputError, MissingError, VerificationError
from linkage.gaps import require_whole, since_proposal
from linkage.protocol.canonical import decode_base64
from linkage.protocol.disclosure.replies import DisclosureEntry, DisclosureFile

LEAST_DIGITS = 8
_PREFIX = re.compile(rf"[0-9a-f]{{{LEAST_DIGITS},64}}")


def read_disclosure(office: Office, digest: str) -> VerifiedFile:
    """Return a disclosure with its state, all of it verified.

    Raises `VerificationError` for whatever doesn't follow from signed messages in the log, and
    `MissingError` where there is none that this party may see.
    """
    file, verified = _fetch(office, digest)
    _require_whole(office, verified, file)
    if file.state == "superseded" and _is_hidden(office, verified, file):
        return _ended_unseen(verified)
    successor = _successor(office, verified, file)
    return settle(verified, file.state, office.seconds, successor)


def resolve(office: Office, digits: str) -> str:
    """Return the whole id of a disclosure that ``digits`` are the beginning of.

    Raises `InputError` where they are too few, or of several.
    """
    wanted = digits.lower()
    if not _PREFIX.fullmatch(wanted):
        raise InputError(
            f"{digits!r} is no id of a disclosure: it has 64 hex digits, of which {LEAST_DIGITS} or"
            " more will do; see 'agency-client disclosures list'."
        )
    if len(wanted) == 64:
        return wanted
    return _only(office.api.listed().disclosures, wanted)


def _only(listed: tuple[DisclosureEntry, ...], wanted: str) -> str:
    found = sorted({entry.id for entry in listed if entry.id.startswith(wanted)})
    if not found:
        raise MissingError(
            f"There is no disclosure {wanted} that you have a part in; see 'agency-client "
            "disclosures list'."
        )
    if len(found) > 1:
        raise InputError(f"{len(found)} disclosures begin with {wanted}; give more of its digits.")
    return found[0]


def _fetch(office: Office, digest: str) -> tuple[DisclosureFile, VerifiedFile]:
    """Return a disclosure's file, verified, and as new as what this party has seen of the log."""
    connection = office.api.connection
    pinned = connection.log.pinned.pinned.size
    file = office.api.file(digest)
    verified = verify_file(file, digest, office.agreement, office.log_key)
    # The messages are in the log that this very party has followed so far, and in no other.
    connection.hold_against(verified.note)
    _require_newest(verified, pinned)
    remember_messages(connection.store, digest, [entry.digest for entry in verified.entries])
    return file, verified


def _require_newest(verified: VerifiedFile, pinned: int) -> None:
    """Raise unless the log behind a file has all events that were seen when it was asked for."""
    if verified.checkpoint.size < pinned:
        raise VerificationError(
            f"The matcher shows the disclosure {verified.case.digest[:8]} as it was when its log "
            f"had {verified.checkpoint.size:,} events, and you have seen {pinned:,}; do nothing "
            "about it, and tell the other parties."
        )


def _require_whole(office: Office, verified: VerifiedFile, file: DisclosureFile) -> None:
    """Have the log since the proposal show that no message was kept back.

    Only what has been entered since it was last read is fetched.
    """
    store, digest = office.api.connection.store, verified.case.digest
    proof = [decode_base64(own, "The proof") for own in file.entered[0].proof]
    known = verified_since(store, office.log_key.name, digest)
    if known is None or known.size > verified.checkpoint.size:
        known = since_proposal(verified, proof)
    events = _events(office, known.size, verified.checkpoint.size)
    since = require_whole(verified, file.state, known, events)
    remember_since(store, office.log_key.name, digest, since)


def _events(office: Office, start: int, end: int) -> Iterator[bytes]:
    for first in range(start, end, PAGE_EVENTS):
        yield from office.api.events(first, min(first + PAGE_EVENTS, end))


def _is_hidden(office: Office, verified: VerifiedFile, file: DisclosureFile) -> bool:
    """Whether the proposal that replaces this one isn't for this party to see yet.

    Who may decide sees every proposal from its beginning; others only once it is approved.
    """
    terms = verified.case.life.terms
    seen = office.name in terms.approvers | {terms.proposer}
    if seen or file.successor is None or "dpo" in _roles(office) or "matcher" in _roles(office):
        return False
    try:
        office.api.file(file.successor)
    except MissingError:
        return True
    return False


def _roles(office: Office) -> tuple[str, ...]:
    return next(party.roles for party in office.agreement.party if party.name == office.name)


def _ended_unseen(verified: VerifiedFile) -> VerifiedFile:
    """Take the matcher's word that it has ended: nothing is done then that needed more of it."""
    life = replace(verified.case.life, state="superseded")
    return replace(verified, case=replace(verified.case, life=life))


def _successor(office: Office, verified: VerifiedFile, file: DisclosureFile) -> VerifiedFile | None:
    """Return the file of the proposal that the matcher says replaces this one."""
    if file.state != "superseded":
        return None
    if file.successor is None:
        raise VerificationError(
            f"The matcher says that another proposal replaces {verified.case.digest[:8]} and not "
            "which; do nothing about it, and tell the other parties."
        )
    try:
        return _fetch(office, file.successor)[1]
    except MissingError as error:
        raise VerificationError(
            f"The matcher says that {verified.case.digest[:8]} was replaced by a proposal that it "
            "doesn't show; do nothing about it, and tell the other parties."
        ) from error
