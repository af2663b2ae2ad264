"""Names of people and of places, standardised (profile uk-person/1)."""

from __future__ import annotations

from hashing.cell import Cell
from hashing.folding import words

TITLES = frozenset(
    {
        "dame", "dr", "master", "miss", "mr", "mrs", "ms", "mx", "prof", "professor", "rev",
        "revd", "reverend", "sir",
    }
)  # fmt: skip
SUFFIXES = frozenset({"esq", "ii", "iii", "iv", "jnr", "jr", "junior", "senior", "snr", "sr"})
# Entries made for want of a name. 'Null', 'Na' and 'Nil' are people's names and stay.
NO_NAME = frozenset(
    {
        "baby", "baby boy", "baby girl", "dr", "infant", "miss", "mr", "mrs", "ms", "mx", "n a",
        "n k", "no name", "none", "not given", "not known", "not recorded", "not stated", "nk",
        "tbc", "test", "unborn", "unknown", "unnamed", "xx", "xxx",
    }
)  # fmt: skip


def standardise_name(value: str) -> Cell:
    """Return a name's words in their order, without titles, suffixes and placeholders.

    A title comes off the front, and a suffix off the end, only while another word stays: Master
    and Junior are names too.
    """
    parts = words(value)
    while len(parts) > 1 and parts[0] in TITLES:
        del parts[0]
    while len(parts) > 1 and parts[-1] in SUFFIXES:
        del parts[-1]
    name = " ".join(parts)
    return Cell("" if name in NO_NAME else name)


def standardise_text(value: str) -> Cell:
    """Return the words of an address or a town, folded and separated by single spaces."""
    return Cell(" ".join(words(value)))
