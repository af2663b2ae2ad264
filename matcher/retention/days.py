"""How long the agreement lets what is received be kept: the rule of all that is erased.

Times are POSIX seconds.
"""

from __future__ import annotations

from typing import Literal

from linkage.protocol.agreement import Agreement
from linkage.protocol.sections.disclosure import Retention

DAY = 86_400
What = Literal["upload", "run", "disclosure", "lookup", "payload", "cohort"]


def kept_until(agreement: Agreement, what: What, since: int) -> int | None:
    """Return when something is due to be erased; None if the agreement doesn't say.

    ``since`` is the time from which its days count: that at which it was received, a run ended, or
    a lookup was closed.
    """
    days = _days(agreement.retention, what)
    return None if days is None else since + DAY * days


def due_since(agreement: Agreement, what: What, now: int) -> int | None:
    """Return the latest time from which days count that are over by now; None if they never are.

    So something is due if and only if its time isn't later: just when `kept_until` isn't after now.
    """
    days = _days(agreement.retention, what)
    return None if days is None else now - DAY * days


def why_erased(agreement: Agreement, what: What) -> str:
    """Return what the log says of an erasure."""
    days = _days(agreement.retention, what)
    return f"The agreement lets it be kept {'no longer' if days is None else f'for {days} days'}"


def _days(retention: Retention | None, what: What) -> int | None:
    if retention is None:
        return None
    if what in ("upload", "run"):
        return retention.encodings_days
    if what in ("disclosure", "lookup"):
        return retention.disclosures_days
    return retention.payload_days
