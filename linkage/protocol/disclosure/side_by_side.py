"""What a recipient reads: for each cluster its fields, side by side by agency, conflicts marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from linkage.protocol.disclosure.release import Fields

Disclosed = Mapping[str, Mapping[str, Sequence[Fields]]]
"""By holder, by cluster, the fields of each of its records."""


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


def side_by_side(disclosed: Disclosed, fields: Sequence[str]) -> list[Table]:
    """Return one table per cluster that anybody released, in order of their pseudonyms."""
    clusters = sorted({cluster for own in disclosed.values() for cluster in own})
    return [_table(disclosed, cluster, fields) for cluster in clusters]


def _table(disclosed: Disclosed, cluster: str, fields: Sequence[str]) -> Table:
    agencies = tuple(sorted(name for name, own in disclosed.items() if cluster in own))
    rows = tuple(_row(disclosed, cluster, agencies, field) for field in fields)
    return Table(cluster, agencies, rows)


def _row(disclosed: Disclosed, cluster: str, agencies: Sequence[str], field: str) -> Row:
    values = tuple(
        tuple(record.get(field, "") for record in disclosed[agency][cluster]) for agency in agencies
    )
    said = {_plain(text) for own in values for text in own if text.strip()}
    return Row(field, values, len(said) > 1)


def _plain(text: str) -> str:
    """Return a text as it is compared: capitals and spaces are no conflict."""
    return " ".join(text.casefold().split())
