"""The column map of each agency: the one place that knows its headings."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

AGREED_FIELDS = (
    "given_name",
    "middle_name",
    "surname",
    "date_of_birth",
    "sex",
    "address",
    "town",
    "postcode",
)

_FOLDER = Path(__file__).with_name("columns")


@dataclass(frozen=True)
class ColumnMap:
    """An agency's heading for each agreed field that it holds, in the order of its columns."""

    record_id: str
    fields: Mapping[str, str]

    @property
    def headings(self) -> list[str]:
        """The heading row, the record id first."""
        return [self.record_id, *self.fields.values()]


def load_column_map(agency: str) -> ColumnMap:
    """Read ``columns/<agency>.toml``."""
    content = tomllib.loads((_FOLDER / f"{agency}.toml").read_text(encoding="utf-8"))
    return ColumnMap(record_id=content["record_id"], fields=content["fields"])
