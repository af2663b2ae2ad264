"""Choosing events: by type, kind, quarter and agency."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from linkage.errors import InputError

Words = str | Sequence[str] | None


def chosen(
    events: pd.DataFrame, event: Words = None, kind: Words = None, quarter: Words = None,
    agency: Words = None,
) -> pd.DataFrame:  # fmt: skip
    """Return the rows with one of the values of each column that is asked for; all if None.

    Raise `InputError` for a value that no row of the table has, unless the table is empty: a
    misspelt name would look like a count of nothing.
    """
    keep = pd.Series(data=True, index=events.index)
    asked = {"event": event, "kind": kind, "quarter": quarter, "agency": agency}
    for column, words in asked.items():
        if words is not None:
            wanted = words_of(words)
            refuse_unknown(column, wanted, events[column].dropna().unique())
            keep &= events[column].isin(wanted)
    return events[keep]


def words_of(words: str | Sequence[str]) -> list[str]:
    """Return one word or several as a list."""
    return [words] if isinstance(words, str) else list(words)


def refuse_unknown(column: str, wanted: Sequence[str], known: Collection[str]) -> None:
    """Raise `InputError` for words that don't stand among those known."""
    if len(known) and (strange := sorted(set(wanted) - set(known))):
        raise InputError(
            f"No {column} of the cohort is {', '.join(strange)}; it has "
            f"{', '.join(sorted(map(str, known))[:20])}."
        )
