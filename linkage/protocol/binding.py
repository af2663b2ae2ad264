"""What an agreement needs so that people can be asked to sign it, and a version its predecessor."""

from __future__ import annotations

from collections.abc import Iterator

from linkage.errors import PolicyError
from linkage.protocol.agreement import Agreement

LEAST_AGENCIES = 2


def unsettled(agreement: Agreement) -> list[str]:
    """Return what has to be settled before anybody can sign, as sentences; [] if nothing."""
    return [*_terms(agreement), *_parties(agreement), *_sections(agreement)]


def require_signable(agreement: Agreement) -> None:
    """Raise `PolicyError` where something has to be settled before anybody can sign."""
    if found := unsettled(agreement):
        raise PolicyError(
            f"The agreement {agreement.agreement.id!r} can't be signed as it is: {' '.join(found)}"
        )


def require_successor(new: Agreement, old: Agreement) -> None:
    """Raise `PolicyError` unless ``new`` is the version that follows ``old``."""
    one, other = new.agreement, old.agreement
    faults = []
    if one.id != other.id:
        faults.append(f"it has the id {one.id!r} and not {other.id!r}")
    if one.version != other.version + 1:
        faults.append(f"it has the version {one.version} and not {other.version + 1}")
    if one.epoch not in (other.epoch, other.epoch + 1):
        faults.append(f"its epoch is {one.epoch} after {other.epoch}")
    if one.previous != old.digest():
        faults.append(f"its previous is not {old.digest()}, the digest of that version")
    if faults:
        raise PolicyError(
            f"The agreement {one.id!r} doesn't follow version {other.version} of {other.id!r}: "
            f"{'; '.join(faults)}."
        )


def _terms(agreement: Agreement) -> Iterator[str]:
    terms = agreement.agreement
    for name in ("purpose", "lawful_basis", "statutory_gateway", "starts", "ends"):
        if getattr(terms, name) is None:
            yield f"agreement.{name} is missing."
    if not terms.purpose_codes:
        yield "agreement.purpose_codes is empty."
    if terms.version > 1 and terms.previous is None:
        yield "agreement.previous, the digest of the version before, is missing."


def _parties(agreement: Agreement) -> Iterator[str]:
    agencies = agreement.names("agency")
    if len(agencies) < LEAST_AGENCIES:
        yield f"It takes at least {LEAST_AGENCIES} agencies to link."
    if len(agreement.names("matcher")) != 1:
        yield "Exactly one party has the role matcher."
    if not agreement.names("dpo"):
        yield "Nobody has the role dpo, who audits the log."
    if without := [party.name for party in agreement.party if party.identity is None]:
        yield f"There are no keys of {', '.join(without)}: copy them from the cards."


def _sections(agreement: Agreement) -> Iterator[str]:
    retention = agreement.retention
    if retention is None:
        yield "[retention] is missing."
    if agreement.names("analyst") and agreement.payload is None:
        yield "There is an analyst and no [payload] that says what analysts get."
    if agreement.payload is not None and not agreement.names("analyst"):
        yield "There is a [payload] and nobody with the role analyst to get it."
    if agreement.payload is not None and retention is not None and retention.payload_days is None:
        yield "retention.payload_days is missing."
    if agreement.names("recipient") and agreement.disclosure is None:
        yield "There is a recipient and no [disclosure] that says what recipients get."
