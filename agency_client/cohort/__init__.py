"""Cohorts: linked people under pseudonyms, pulled and verified, analysed, and let out in counts.

``tables`` says what lies in a cohort's directory, ``pulling`` makes one, `open_cohort` opens it for
analysis, and ``release`` checks the tables that are to leave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agency_client.cohort.cohort import Cohort, open_cohort

__all__ = ["Cohort", "open_cohort"]


def __getattr__(name: str) -> Any:
    """Load the API for analysts when it is asked for: pulling a cohort can do without it."""
    if name in __all__:
        from agency_client.cohort import cohort  # noqa: PLC0415

        return getattr(cohort, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
