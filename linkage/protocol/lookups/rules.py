"""What the agreement asks of a lookup. The matcher checks it, and so does every client."""

from __future__ import annotations

from collections.abc import Iterator

from linkage.errors import PolicyError
from linkage.protocol.agreement import Agreement
from linkage.protocol.lookups.messages import Request
from linkage.protocol.sections.disclosure import Disclosure

DAY = 86_400


def terms_of(agreement: Agreement) -> Disclosure:
    """Return ``[disclosure]``; raises `PolicyError` where the agreement has no lookups."""
    if agreement.disclosure is None or not agreement.disclosure.lookups_per_day:
        raise PolicyError(
            f"The agreement {agreement.agreement.id!r} allows no lookups "
            "(disclosure.lookups_per_day)."
        )
    return agreement.disclosure


def require_allowed(agreement: Agreement, asker: str, request: Request) -> None:
    """Raise `PolicyError`, with every clause that a request breaks.

    That it is signed and for this agreement, and how many there were today, is for the caller to
    know.
    """
    terms = terms_of(agreement)
    if faults := list(_faults(agreement, terms, asker, request)):
        raise PolicyError(f"The lookup isn't allowed: {'; '.join(faults)}.")


def _faults(agreement: Agreement, terms: Disclosure, asker: str, request: Request) -> Iterator[str]:
    if asker not in agreement.names("agency"):
        yield f"{asker} is no agency"
    if asker not in terms.recipients:
        yield f"{asker} may not receive names (disclosure.recipients)"
    if strange := sorted(set(request.fields) - set(terms.fields)):
        yield f"{', '.join(strange)} may not be released (disclosure.fields)"
    if request.purpose not in agreement.agreement.purpose_codes:
        yield f"{request.purpose} is no purpose of it (agreement.purpose_codes)"
    if request.until - request.at > terms.expires_days * DAY:
        yield f"it is open for more than {terms.expires_days} days (disclosure.expires_days)"
