"""The decisions on a table in words, and as JSON; neither holds a count."""

from __future__ import annotations

from typing import Any

from agency_client.cohort.release.checking import Checked
from agency_client.cohort.release.files import WITHHELD
from agency_client.cohort.release.primary import Decision

_PAIRS_ONLY = (
    "Too many groups of people overlap to look for what all releases together give away; each was "
    "compared by itself. Have a second person look."
)


def as_text(checked: Checked) -> str:
    """Return the outcome and each decision, for people."""
    lines = [_outcome(checked), ""]
    if checked.decisions:
        lines.append(f"Withheld ({WITHHELD}), and why:")
        lines += [
            f"  {_name(checked, own.cell)}: {reason(checked, own)}" for own in checked.decisions
        ]
    elif checked.safe_cells is not None:
        lines.append("No cell needs to be withheld.")
    exact = [cell for cell, matter in checked.wrong if matter == "exact"]
    if exact:
        lines.append(
            f"Rounded to multiples of {checked.rounding}, as agreed, and not so in the file:"
        )
        lines.append(f"  {len(exact):,} cell{'' if len(exact) == 1 else 's'}.")
    if checked.pairs_only:
        lines.append(_PAIRS_ONLY)
    return "\n".join(lines)


def as_json(checked: Checked) -> dict[str, Any]:
    """Return the same, ready for JSON."""
    return {
        "safe": checked.is_safe,
        "can_leave": checked.safe_cells is not None,
        "least_cell": checked.least,
        "rounding": checked.rounding,
        "pairs_only": checked.pairs_only,
        "withheld": [
            {
                **_place(checked, own.cell),
                "reason": own.reason,
                "explanation": reason(checked, own),
            }
            for own in checked.decisions
        ],
        "wrong": [{**_place(checked, cell), "matter": matter} for cell, matter in checked.wrong],
    }


def reason(checked: Checked, own: Decision) -> str:
    """Return why a cell is withheld, as the end of a sentence."""
    if own.reason == "few":
        return (
            f"fewer than {checked.least} people are behind it, none included: a zero would tell of "
            "everybody else"
        )
    if own.reason in {"place", "agency"}:
        who = "places" if own.reason == "place" else "agencies"
        return (
            f"one or two {who} make up nearly all of it (more than 90% for two, or the second "
            "could work out the largest to within 10%), so it tells of them"
        )
    if own.reason == "differencing":
        other = "another cell of this table" if not own.other else f"release {own.other}"
        return (
            f"together with {other} it would give away a count of fewer than {checked.least} "
            "people, by subtraction"
        )
    if own.reason == "together":
        return (
            f"together with all that was released before it would give away a group of fewer than "
            f"{checked.least} people"
        )
    return "shown, it would let a withheld count be worked out from its row and column"


def _outcome(checked: Checked) -> str:
    if checked.safe_cells is None:
        return (
            "REFUSED. What was released before shows too much of this table: no way of withholding "
            "cells would protect the rest. Ask for fewer or broader rows and columns."
        )
    if checked.is_safe:
        return "SAFE. The table may leave as it is."
    count = len(checked.wrong)
    cells = "1 cell has" if count == 1 else f"{count:,} cells have"
    return f"NOT SAFE. {cells} to change before the table may leave."


def _name(checked: Checked, cell: int) -> str:
    row, column = checked.table.grid.labels[cell]
    return f"{row} / {column}" if column else row


def _place(checked: Checked, cell: int) -> dict[str, str]:
    row, column = checked.table.grid.labels[cell]
    return {"row": row, "column": column or checked.table.spec.value}
