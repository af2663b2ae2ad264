"""The column map of each agency: the one place that knows its headings."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

AGREED_FIELDS = ("given_name", "surname", "date_of_birth", "address", "town", "postcode")

# What an agency holds and the agreement doesn't ask for.
HELD_BACK: Mapping[str, Mapping[str, str]] = {
    "charity": {"sex": "Girl/boy"},
    "education": {"middle_name": "middle_names", "sex": "gender"},
    "health": {"middle_name": "other_names", "sex": "person_gender_code"},
    "police": {"middle_name": "Middle Name", "sex": "Gender"},
    "social_care": {"middle_name": "Middle Name(s)", "sex": "Sex"},
    "youth_offending": {"sex": "M/F"},
}

_FOLDER = Path(__file__).with_name("columns")


@dataclass(frozen=True)
class ColumnMap:
    """An agency's heading for each field that it holds, in the order of its columns."""

    record_id: str
    fields: Mapping[str, str]

    @property
    def headings(self) -> list[str]:
        """The heading row, the record id first."""
        return [self.record_id, *self.fields.values()]


def load_column_map(agency: str) -> ColumnMap:
    """Read ``columns/<agency>.toml`` and add the columns that the agreement doesn't ask for."""
    content = tomllib.loads((_FOLDER / f"{agency}.toml").read_text(encoding="utf-8"))
    return ColumnMap(
        record_id=content["record_id"], fields={**content["fields"], **HELD_BACK[agency]}
    )
