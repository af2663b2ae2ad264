"""What becomes of a pair of records."""

from __future__ import annotations

from enum import StrEnum


class Fate(StrEnum):
    """What became of a pair; the values are what legends and pages say."""

    LINKED = "linked"
    THROUGH_OTHERS = "linked through other records"
    FOR_REVIEW = "for review"
