"""Signed requests that are taken only when they were made just now, by the matcher's clock."""

from __future__ import annotations

from linkage.errors import InputError

MOST_OLD, MOST_EARLY = 300, 60
"""How many seconds a request may be older, or younger, than the matcher's clock says."""


def require_fresh(at: int, now: int) -> None:
    """Raise `InputError` unless a request that was made ``at`` is new (POSIX seconds)."""
    if not now - MOST_OLD <= at <= now + MOST_EARLY:
        raise InputError(
            "The request wasn't made now, by the matcher's clock; set your clock, and ask again."
        )
