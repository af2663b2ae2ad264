"""Which pairs may be merged without asking a person.

However likely a pair is, it's a person's to judge where something speaks plainly against it:
twins share a surname, a date of birth and an address, and differ in the given name alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agency_client.dedupe.candidates import main_names
from agency_client.dedupe.comparison import MISSING, Field, Levels, Rows

_NEARLY_EQUAL = 3
_OWN_YEAR_ONLY = 1
# A name that goes with this many other names is a name and no slip of the pen.
_ESTABLISHED = 3


def contradicts(
    fields: tuple[Field, ...], levels: Levels, left: Rows, right: Rows
) -> NDArray[np.bool_]:
    """Whether a name, a date or an identifier plainly differs, bool (pairs,).

    Two main names that are spelt alike differ where both are names in use: Maria and Marie may be
    twins, Maria and Mraia aren't.
    """
    found = np.zeros(len(levels), np.bool_)
    for g, field in enumerate(fields):
        if field.type in {"name", "code"}:
            found |= levels[:, g] == 0
        elif field.type == "date":
            found |= (levels[:, g] >= 0) & (levels[:, g] <= _OWN_YEAR_ONLY)
    main = _main_places(fields)
    for g in main:
        field, level = fields[g], levels[:, g]
        used = names_in_use(field, [fields[other] for other in main if other != g])
        both_used = used[field.column.codes[left]] & used[field.column.codes[right]]
        found |= both_used & (level >= 0) & (level < field.equal)
    return found


def vouched_for(fields: tuple[Field, ...], levels: Levels) -> NDArray[np.bool_]:
    """Whether both main names are there and nearly, or crosswise, agree, bool (pairs,)."""
    vouched = np.ones(len(levels), np.bool_)
    swapped = np.zeros(len(levels), np.bool_)
    for g in _main_places(fields):
        swapped |= levels[:, g] > fields[g].equal
        vouched &= (levels[:, g] >= _NEARLY_EQUAL) | (levels[:, g] == MISSING) & swapped
    return vouched


def _main_places(fields: tuple[Field, ...]) -> list[int]:
    names = {field.name for field in main_names(fields)}
    return [g for g, field in enumerate(fields) if field.name in names]


def names_in_use(field: Field, others: list[Field]) -> NDArray[np.bool_]:
    """Whether each value goes with several values of another name, bool (values,)."""
    used = np.zeros(len(field.column.values), np.bool_)
    for other in others:
        pairs = np.unique(np.stack([field.column.codes, other.column.codes]), axis=1)
        used |= np.bincount(pairs[0], minlength=len(used)) >= _ESTABLISHED
    return used
