"""Values as clkhash checks and writes them, for raw fields with a clkhash format."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from hashing.cell import Cell
from linkage.protocol.clkhash_format import ClkhashFormat

Rule = Callable[[str], Cell]


def clkhash_rule(form: ClkhashFormat) -> Rule:
    """Return the rule that brings a column's cells into clkhash's form.

    A cell that clkhash's validation refuses is damaged, and nothing of it is kept.
    """
    regular: dict[str, Rule] = {
        "string": lambda value: _string(form, value),
        "integer": lambda value: _integer(form, value),
        "date": lambda value: _date(form, value),
        "enum": lambda value: _enum(form, value),
    }
    rule = regular[form.type]
    missing = form.sentinel if form.replace_with is None else form.replace_with
    return lambda value: Cell(missing or "") if value == form.sentinel else rule(value)


def _string(form: ClkhashFormat, value: str) -> Cell:
    if form.ascii and not value.isascii():
        return Cell("", "text with characters outside ASCII")
    if form.pattern is not None:
        fits = re.compile(form.pattern).fullmatch(value) is not None
        return Cell(value) if fits else Cell("", "text that doesn't match the schema's pattern")
    if len(value) < (form.min_length or 0):
        return Cell("", f"shorter than {form.min_length} characters")
    if form.max_length is not None and len(value) > form.max_length:
        return Cell("", f"longer than {form.max_length} characters")
    as_demanded = {"upper": value.upper(), "lower": value.lower(), "mixed": value}[form.case]
    return Cell(value) if value == as_demanded else Cell("", f"not in {form.case} case")


def _integer(form: ClkhashFormat, value: str) -> Cell:
    try:
        number = int(value, base=10)
    except ValueError:
        return Cell("", "not a whole number")
    if form.minimum is not None and number < form.minimum:
        return Cell("", f"below {form.minimum}")
    if form.maximum is not None and number > form.maximum:
        return Cell("", f"above {form.maximum}")
    return Cell(str(number))


def _date(form: ClkhashFormat, value: str) -> Cell:
    assert form.date_format is not None
    try:
        # The time zone, if the format has one, is none of the date's.
        date = datetime.strptime(value, form.date_format)  # noqa: DTZ007
    except ValueError:
        return Cell("", f"not a date of the form {form.date_format}")
    return Cell(date.strftime("%Y%m%d"))


def _enum(form: ClkhashFormat, value: str) -> Cell:
    return Cell(value) if value in (form.values or ()) else Cell("", "not one of the listed values")
