"""Releasing: the records that are meant, what of them leaves, and then the leaving.

Everything is verified before a record is looked up, and shown before anything is sent: the
proposal, its approvals, their place in the log, and that the records are those that the matcher had
committed to before anybody approved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agency_client.disclosures.moving import moment, require_entered
from agency_client.disclosures.office import Office, require_plain
from agency_client.disclosures.own_records import OwnFiles, fields_of, record_ids_of
from linkage.entries import VerifiedFile
from linkage.errors import InputError, PolicyError
from linkage.protocol.disclosure.history import Case, advance
from linkage.protocol.disclosure.messages import sign_message
from linkage.protocol.disclosure.release import (
    Fields,
    Revealed,
    require_releasable,
    seal_release,
    tokens_to_release,
)
from linkage.protocol.disclosure.replies import Revelation

MOST_SEALED = 8 << 20


@dataclass(frozen=True, repr=False)
class OwnRecord:
    """A record that is asked for: the agency's own id, and what would leave of it."""

    record_id: str
    fields: Fields
    withheld: bool = False


@dataclass(frozen=True, repr=False)
class Leaving:
    """What a release would send: the agency's records, by cluster, and why some stay.

    ``idle`` counts ids on the list of what is withheld that nobody asked for.
    """

    case: Case
    records: Mapping[str, tuple[OwnRecord, ...]]
    reason: str = ""
    idle: int = 0

    @property
    def clusters(self) -> dict[str, tuple[Fields, ...]]:
        """What leaves, by cluster, without the agency's own ids."""
        found = {
            name: tuple(own.fields for own in records if not own.withheld)
            for name, records in self.records.items()
        }
        return {name: rows for name, rows in found.items() if rows}

    @property
    def withheld(self) -> int:
        """How many records stay."""
        return sum(own.withheld for records in self.records.values() for own in records)

    @property
    def sent(self) -> int:
        """How many records leave."""
        return sum(len(rows) for rows in self.clusters.values())

    @property
    def categories(self) -> dict[str, str]:
        """The category that a cluster's rule asks for, by cluster: the holder's to check."""
        terms = self.case.agreement.disclosure
        rules = {rule.name: rule.category for rule in terms.rule} if terms else {}
        asked = {own.cluster: rules.get(own.rule) for own in self.case.proposal.clusters}
        return {name: found for name in self.records if (found := asked[name]) is not None}


@dataclass(frozen=True)
class Withheld:
    """Which of the agency's records stay, by its own ids, and why: that goes on record."""

    record_ids: frozenset[str] = frozenset()
    reason: str = ""


def prepare(office: Office, case: Case, own: OwnFiles, withheld: Withheld = Withheld()) -> Leaving:
    """Return what would leave, and send nothing.

    Raises `PolicyError` or `NotReadyError`
    where nothing may be released now, `VerificationError` where the matcher names other records
    than it had committed to, `InputError` where records are withheld without a reason.
    """
    require_releasable(case, office.name, office.seconds)
    revealed = _revealed(office.api.holdings(case.digest))
    tokens = tokens_to_release(case, office.name, revealed, office.seconds)
    ids = record_ids_of((token for own in tokens.values() for token in own), own.map)
    leaving = {record for record in ids.values() if record not in withheld.record_ids}
    fields = {}
    if leaving:
        scheme = office.agreement.scheme
        fields = fields_of(leaving, own, scheme, case.proposal.fields)
    records = {
        name: tuple(_record(ids[token], fields) for token in sorted(found))
        for name, found in tokens.items()
    }
    reason = _reason(withheld.reason) if len(leaving) < len(set(ids.values())) else ""
    return Leaving(case, records, reason, len(withheld.record_ids - set(ids.values())))


def release(office: Office, leaving: Leaving) -> VerifiedFile:
    """Seal what leaves to each recipient, hand it in, and sign for it.

    Raises `PolicyError` where there is too much for one message.
    """
    case = leaving.case
    at = moment(office, case)
    made, sealed = seal_release(case, office.own, leaving.clusters, at, reason=leaving.reason)
    if any(len(content) > MOST_SEALED for content in sealed.values()):
        raise PolicyError(
            f"What is sealed to a recipient has more than {MOST_SEALED >> 20} MiB, which the "
            "matcher doesn't relay; ask for a proposal of fewer clusters."
        )
    message = sign_message(made, office.own)
    advance(case, message, "your release")
    for recipient, content in sealed.items():
        office.api.deposit(case.digest, recipient, content)
    office.api.move(case.digest, message)
    return require_entered(office, case.digest, message)


def _revealed(found: Revelation) -> dict[str, Revealed]:
    return {
        name: Revealed(bytes.fromhex(own.salt), tuple(bytes.fromhex(t) for t in own.tokens))
        for name, own in found.clusters.items()
    }


def _record(record_id: str, fields: Mapping[str, Fields]) -> OwnRecord:
    if record_id not in fields:
        return OwnRecord(record_id, {}, withheld=True)
    return OwnRecord(record_id, fields[record_id])


def _reason(reason: str) -> str:
    if not reason.strip():
        raise InputError("Say with --reason why records are withheld; it goes on record.")
    return require_plain(reason, "reason")
