"""What clkhash checks of a value and how it writes it, for schemes that are imported from it."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from linkage.protocol.settings import changed_settings

# What canonical JSON can hold exactly.
_EXACT = 2**53 - 1


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class ClkhashFormat:
    """What clkhash demands of a column's values, and how it writes them, by its own names.

    A value equal to ``sentinel`` becomes ``replace_with`` (or stays) unchecked. Any other is
    checked, and a whole number is written without padding, a date (``date_format`` as for
    strptime) as YYYYMMDD; the rest stays as it is.
    """

    type: Literal["string", "integer", "date", "enum"] = "string"
    pattern: str | None = None
    case: Literal["upper", "lower", "mixed"] = "mixed"
    min_length: Annotated[int, Field(ge=0, le=_EXACT)] | None = None
    max_length: Annotated[int, Field(ge=1, le=_EXACT)] | None = None
    ascii: bool = False
    minimum: Annotated[int, Field(ge=-_EXACT, le=_EXACT)] | None = None
    maximum: Annotated[int, Field(ge=-_EXACT, le=_EXACT)] | None = None
    date_format: str | None = None
    values: tuple[str, ...] | None = None
    sentinel: str | None = None
    replace_with: str | None = None

    @model_validator(mode="after")
    def _settings_belong_to_the_type(self) -> Self:
        own = {"integer": {"minimum", "maximum"}, "date": {"date_format"}, "enum": {"values"}}
        own["string"] = {"pattern", "case", "min_length", "max_length", "ascii"}
        given = set(changed_settings(self)) - {"type", "sentinel", "replace_with"}
        if strange := sorted(given - own[self.type]):
            raise ValueError(f"{', '.join(strange)} can't be set for the type {self.type}")
        if (self.type == "date") != (self.date_format is not None):
            raise ValueError("a date needs its date_format")
        if (self.type == "enum") != (self.values is not None):
            raise ValueError("an enum needs its values")
        if self.replace_with is not None and self.sentinel is None:
            raise ValueError("replace_with needs a sentinel")
        return self

    @model_validator(mode="after")
    def _pattern_compiles(self) -> Self:
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            raise ValueError(f"pattern is not a regular expression: {error}") from None
        return self
