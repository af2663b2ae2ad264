"""The cleaned extract: the rows of a person under one record id."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Sequence
from typing import IO

import numpy as np

from agency_client.dedupe.comparison import Field, Rows
from agency_client.extract import Extract
from linkage.errors import InputError

ORIGINAL, MERGED = "original_record_id", "merged_record_ids"


def refuse_taken_headings(extract: Extract) -> None:
    """Raise `InputError` where the extract already has a column that cleaning adds."""
    taken = [name for name in (ORIGINAL, MERGED) if name in extract.header]
    if taken:
        raise InputError(
            f"{extract.name} already has a column {taken[0]!r}, so it seems to be cleaned; "
            "use the original extract, or rename the column."
        )


def kept_rows(fields: tuple[Field, ...], person: Rows) -> dict[int, list[int]]:
    """Return the rows to keep, in order, each with the rows of its person that say no more.

    Rows of a person that are equal after standardisation say the same; the first is kept.
    """
    codes = np.stack([person, *(field.column.codes for field in fields)], axis=1)
    kept: dict[int, list[int]] = {}
    first_of: dict[bytes, int] = {}
    for row, code in enumerate(codes):
        first = first_of.setdefault(code.tobytes(), row)
        if first == row:
            kept[row] = []
        else:
            kept[first].append(row)
    return kept


def write_clean(
    sink: IO[bytes],
    extract: Extract,
    record_id: int,
    person: Rows,
    kept: dict[int, list[int]],
) -> None:
    """Write the extract person by person, each in the place of its first row.

    Every cell is as it was but the record id, which is that of the person's first row; its own is
    in `ORIGINAL`, and those of the rows that it stands for, as JSON, in `MERGED`.
    """
    text = io.TextIOWrapper(sink, encoding="utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow([*extract.header, ORIGINAL, MERGED])
    ids: Sequence[str] = [cell.strip() for cell in extract.columns[record_id]]
    rows_of: dict[int, list[int]] = defaultdict(list)
    for row in kept:
        rows_of[int(person[row])].append(row)
    for first in sorted(rows_of):
        for row in rows_of[first]:
            cells = [column[row] for column in extract.columns]
            cells[record_id] = ids[first]
            merged = json.dumps([ids[other] for other in kept[row]]) if kept[row] else ""
            writer.writerow([*cells, ids[row], merged])
    text.flush()
    text.detach()
