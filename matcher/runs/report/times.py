"""Times as people read them."""

from __future__ import annotations

from datetime import UTC, date, datetime

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def day(at: date) -> str:
    """Return a date as ``2 March 2026``."""
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}"


def moment(at: datetime | int) -> str:
    """Return a time as ``2 March 2026, 09:00 UTC``; POSIX seconds will do."""
    utc = in_utc(at)
    return f"{day(utc.date())}, {utc:%H:%M} UTC"


def in_utc(at: datetime | int) -> datetime:
    """Return a time as one in UTC."""
    return datetime.fromtimestamp(at, UTC) if isinstance(at, int) else at.astimezone(UTC)
