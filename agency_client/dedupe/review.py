"""The review list: pairs that a person has to judge, as a CSV file for a spreadsheet.

It shows both rows in the clear, so it stays on the agency's machine. Cells that a spreadsheet
would take for a formula begin with an apostrophe, which reading takes off again.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import numpy as np

from agency_client.columns import ResolvedColumns
from agency_client.dedupe.comparison import MISSING, Field, compare
from agency_client.dedupe.merging import Doubt
from agency_client.extract import Extract, read_extract
from linkage.errors import InputError

Decision = Literal["same", "different"]
_DECISIONS: dict[str, Decision] = {"same": "same", "different": "different"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
_PAIR, _FIRST, _SECOND, _DECISION = "pair", "record_id (1)", "record_id (2)", "decision"
_FAULTS_SHOWN = 5
_BITS = np.log(2)


@dataclass(frozen=True, repr=False)
class ReviewPair:
    """A pair as a person sees it.

    ``values`` are (heading, first row's cell, second row's cell); ``weight`` is in bits.
    """

    left: int
    right: int
    ids: tuple[str, str]
    values: tuple[tuple[str, str, str], ...]
    weight: float
    probability: float
    why: str


def review_pairs(
    extract: Extract,
    ids: Sequence[str],
    columns: ResolvedColumns,
    fields: tuple[Field, ...],
    doubts: Sequence[Doubt],
) -> list[ReviewPair]:
    """Describe the doubts for a person, in their order."""
    left = np.array([doubt.left for doubt in doubts], np.int64)
    right = np.array([doubt.right for doubt in doubts], np.int64)
    levels = compare(fields, left, right)
    shown = [
        (extract.header[index], extract.columns[index])
        for index in columns.fields.values()
        if index is not None
    ]
    return [
        ReviewPair(
            doubt.left,
            doubt.right,
            (ids[doubt.left], ids[doubt.right]),
            tuple((name, cells[doubt.left], cells[doubt.right]) for name, cells in shown),
            doubt.log_odds / _BITS,
            doubt.probability,
            _why(fields, levels[place].tolist()),
        )
        for place, doubt in enumerate(doubts)
    ]


def _why(fields: tuple[Field, ...], levels: list[int]) -> str:
    """Say in words how each field agrees."""
    return "; ".join(
        f"{field.name} {'is missing' if level == MISSING else field.words[level]}"
        for field, level in zip(fields, levels, strict=True)
    )


def pair_id(one: str, other: str) -> str:
    """Return the id of a pair of record ids, the same in every run over the same records."""
    digest = hashlib.sha256(f"{len(one)}:{one}{other}".encode()).hexdigest()
    return f"p{digest[:12]}"


def write_review(
    sink: IO[bytes], pairs: Sequence[ReviewPair], decided: dict[tuple[int, int], Decision]
) -> None:
    """Write the review list as CSV in UTF-8 with the mark that spreadsheets look for."""
    text = io.TextIOWrapper(sink, encoding="utf-8-sig", newline="")
    writer = csv.writer(text)
    headings = [name for name, _, _ in pairs[0].values] if pairs else []
    sides = [f"{name} ({side})" for name in headings for side in (1, 2)]
    writer.writerow(
        [_PAIR, _FIRST, _SECOND, *map(_guarded, sides), "weight", "probability", "why", _DECISION]
    )
    for pair in pairs:
        cells = [cell for _, one, other in pair.values for cell in (one, other)]
        decision = decided.get((pair.left, pair.right), "")
        row = [pair_id(*pair.ids), *pair.ids, *cells]
        # A weight may be negative, and is a number of ours: it needs no guard.
        figures = [f"{pair.weight:.1f}", f"{pair.probability:.4f}"]
        writer.writerow([*map(_guarded, row), *figures, pair.why, decision])
    text.flush()
    text.detach()


def _guarded(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _unguarded(cell: str) -> str:
    return cell.removeprefix("'")


def read_decisions(path: Path, ids: Sequence[str]) -> dict[tuple[int, int], Decision]:
    """Read what people have decided, by pairs of rows (left < right).

    Raises `InputError` that names the file and the row of every fault.
    """
    listed = read_extract(path)
    row_of = {own: row for row, own in enumerate(ids)}
    decisions: dict[tuple[int, int], Decision] = {}
    faults = []
    for number, pair, first, second, said in _answers(listed):
        decision = _DECISIONS.get(said.lower())
        one, other = _unguarded(first), _unguarded(second)
        if decision is None:
            faults.append(f"row {number}: the decision is not 'same' or 'different'")
        elif one not in row_of or other not in row_of:
            faults.append(f"row {number}: a record id is not in the extract")
        elif pair != pair_id(one, other):
            faults.append(f"row {number}: the pair id does not belong to its record ids")
        else:
            low, high = sorted((row_of[one], row_of[other]))
            if decisions.setdefault((low, high), decision) != decision:
                faults.append(f"row {number}: the same pair is decided both ways")
    if faults:
        more = f"; and {len(faults) - _FAULTS_SHOWN:,} more" if len(faults) > _FAULTS_SHOWN else ""
        raise InputError(
            f"{path.name} has decisions that can't be used: {'; '.join(faults[:_FAULTS_SHOWN])}"
            f"{more}; mend the column {_DECISION!r}, and import ids as text."
        )
    return decisions


def holds_decisions(path: Path) -> bool:
    """Whether a file is a review list in which somebody has decided something."""
    try:
        return any(True for _ in _answers(read_extract(path)))
    except InputError:
        return False


def _answers(listed: Extract) -> Iterator[tuple[int, str, str, str, str]]:
    """Yield row number, pair id, both record ids and decision of each decided row."""
    missing = [name for name in (_PAIR, _FIRST, _SECOND, _DECISION) if name not in listed.header]
    if missing:
        raise InputError(
            f"{listed.name} has no column {', '.join(map(repr, missing))}; "
            "use a review list that 'agency-client dedupe' wrote, with its headings."
        )
    wanted = [listed.header.index(name) for name in (_PAIR, _FIRST, _SECOND, _DECISION)]
    rows = zip(listed.row_numbers, *(listed.columns[index] for index in wanted), strict=True)
    for number, pair, first, second, decision in rows:
        if decision.strip():
            yield number, pair.strip(), first, second, decision.strip()
