"""Reading a disclosure: fetched, held against the log that is pinned, and told by its messages."""

from __future__ import annotations

import re
from dataclasses import replace

from agency_client.disclosures.office import Office
from agency_client.keystore.seen import remember_messages
from agency_client.matcher_api.disclosures import PAGE_EVENTS
from linkage.entries import VerifiedFile, settle, verify_file
from linkage.errors import InputError, MissingError, VerificationError
from linkage.gaps import require_whole
from linkage.protocol.canonical import decode_base64
from linkage.protocol.disclosure.replies import DisclosureEntry, DisclosureFile

LEAST_DIGITS = 8
_PREFIX = re.compile(rf"[0-9a-f]{{{LEAST_DIGITS},64}}")


def read_disclosure(office: Office, digest: str) -> VerifiedFile:
    """Return a disclosure with its state, all of it verified.

    Raises `VerificationError` for whatever doesn't follow from signed messages in the log, and
    `MissingError` where there is none that this party may see.
    """
    file = office.api.file(digest)
    verified = _verified(office, file, digest)
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


def _verified(office: Office, file: DisclosureFile, digest: str) -> VerifiedFile:
    verified = verify_file(file, digest, office.agreement, office.log_key)
    # The messages are in the log that this very party has followed so far, and in no other.
    office.api.connection.hold_against(verified.note)
    store = office.api.connection.store
    remember_messages(store, digest, [entry.digest for entry in verified.entries])
    return verified


def _require_whole(office: Office, verified: VerifiedFile, file: DisclosureFile) -> None:
    """Have the log since the proposal show that no message was kept back."""
    proof = [decode_base64(own, "The proof") for own in file.entered[0].proof]
    start, end = verified.entries[0].leaf, verified.checkpoint.size
    events = (
        event
        for first in range(start, end, PAGE_EVENTS)
        for event in office.api.events(first, min(first + PAGE_EVENTS, end))
    )
    require_whole(verified, file.state, proof, events)


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
        later = office.api.file(file.successor)
    except MissingError as error:
        raise VerificationError(
            f"The matcher says that {verified.case.digest[:8]} was replaced by a proposal that it "
            "doesn't show; do nothing about it, and tell the other parties."
        ) from error
    return _verified(office, later, file.successor)
