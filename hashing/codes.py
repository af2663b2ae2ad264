"""Sex, codes and numbers, standardised (profile uk-person/1)."""

from __future__ import annotations

from hashing.cell import UNKNOWN, Cell
from hashing.folding import alphanumerics, words

_SEX = {
    **dict.fromkeys(["m", "male", "boy", "man", "1"], "m"),
    **dict.fromkeys(["f", "female", "girl", "woman", "2"], "f"),
    **dict.fromkeys(["x", "other", "indeterminate", "intersex", "non binary"], "x"),
    **dict.fromkeys(["", "u", "0", "9", "not specified", *UNKNOWN], ""),
}

# Above it, a number times the highest fractional precision leaves the range of floats.
_LARGEST = 1e280


def standardise_sex(value: str) -> Cell:
    """Return 'm', 'f', 'x' (another) or ''; digits are those of the NHS data dictionary."""
    known = _SEX.get(" ".join(words(value)))
    if known is None:
        return Cell("", "not a known way to write a sex")
    return Cell(known)


def standardise_code(value: str) -> Cell:
    """Return the folded letters and digits of an identifier."""
    return Cell(alphanumerics(value))


def standardise_raw(value: str) -> Cell:
    """Return the value as it is, for clkhash's exact bits."""
    return Cell(value)


def check_number(cell: Cell) -> Cell:
    """Return the cell, damaged unless it is missing or a number that can be compared."""
    if not cell.value or cell.damage:
        return cell
    try:
        comparable = abs(float(cell.value)) < _LARGEST
    except ValueError:
        comparable = False
    return cell if comparable else Cell("", "not a number")
