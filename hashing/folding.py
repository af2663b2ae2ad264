"""Unicode text in one form: case, accents, apostrophes and punctuation."""

from __future__ import annotations

import re
import unicodedata

# Typewriter, grave, acute, curly, reversed, and the modifier letters and primes in their place.
_APOSTROPHES = "'`\u00b4\u2018\u2019\u201b\u02b9\u02bb\u02bc\u2032\uff07"
_LETTERS = {
    "æ": "ae", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "\u0131": "i", "ĸ": "k", "ł": "l", "ŋ": "n",
    "œ": "oe", "ß": "ss", "þ": "th", "ŧ": "t", "ə": "e", "ɓ": "b", "ɗ": "d", "ƙ": "k",
}  # fmt: skip
_FOLDED = str.maketrans({**dict.fromkeys(_APOSTROPHES, ""), **_LETTERS})
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")


def fold(value: str) -> str:
    """Return lower-case text without accents and apostrophes, in Unicode form NFKC.

    Letters that don't decompose (ø, ł, ß) are spelt in ASCII; marks of any script are dropped.
    Folding what is folded changes nothing.
    """
    folded = _fold_once(value)
    while folded != value:
        value, folded = folded, _fold_once(folded)
    return folded


def words(value: str) -> list[str]:
    """Return the folded value's words: hyphens and other punctuation separate them."""
    return _NOT_ALPHANUMERIC.sub(" ", fold(value)).split()


def alphanumerics(value: str) -> str:
    """Return the folded value's letters and digits and nothing between them."""
    return _NOT_ALPHANUMERIC.sub("", fold(value))


def _fold_once(value: str) -> str:
    if value.isascii():
        return value.lower().replace("'", "").replace("`", "")
    # Apostrophes go first: compatibility forms turn an acute accent into a space and a mark.
    compatible = unicodedata.normalize("NFKC", value.translate(_FOLDED)).casefold()
    decomposed = unicodedata.normalize("NFD", compatible)
    bare = "".join(c for c in decomposed if not unicodedata.category(c).startswith("M"))
    return unicodedata.normalize("NFKC", bare.translate(_FOLDED))
