"""What a recipient reads: for each cluster its fields, side by side by agency, conflicts marked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from linkage.protocol.disclosure.release import Fields

Disclosed = Mapping[str, Mapping[str, Sequence[Fields]]]
"""By holder, by cluster, the fields of each of its records."""
Compared = Callable[[str, str], str]
"""Gives a field's value in the form in which two of them are compared."""


@dataclass(frozen=True, repr=False)
class Row:
    """A field of a cluster: what each agency has for it, and whether they differ.

    ``values`` are in the order of the table's agencies, one text per record; an agency that has
    nothing there doesn't contradict anybody.
    """

    field: str
    values: tuple[tuple[str, ...], ...]
    conflict: bool

    def __repr__(self) -> str:
        return f"Row({self.field!r}, hidden)"


@dataclass(frozen=True)
class Table:
    """A cluster as its recipient sees it."""

    cluster: str
    agencies: tuple[str, ...]
    rows: tuple[Row, ...]


def plain(_field: str, text: str) -> str:
    """Return a text as it is compared unless somebody knows better: capitals and spaces aside."""
    return " ".join(text.casefold().split())


def side_by_side(
    disclosed: Disclosed, fields: Sequence[str], compared: Compared = plain
) -> list[Table]:
    """Return one table per cluster that anybody released, in order of their pseudonyms."""
    clusters = sorted({cluster for own in disclosed.values() for cluster in own})
    return [_table(disclosed, cluster, fields, compared) for cluster in clusters]


def _table(disclosed: Disclosed, cluster: str, fields: Sequence[str], compared: Compared) -> Table:
    agencies = tuple(sorted(name for name, own in disclosed.items() if cluster in own))
    records = [disclosed[agency][cluster] for agency in agencies]
    rows = tuple(_row(records, field, compared) for field in fields)
    return Table(cluster, agencies, rows)


def _row(records: Sequence[Sequence[Fields]], field: str, compared: Compared) -> Row:
    values = tuple(tuple(record.get(field, "") for record in own) for own in records)
    said = {compared(field, text) for own in values for text in own if text.strip()}
    return Row(field, values, len(said) > 1)
