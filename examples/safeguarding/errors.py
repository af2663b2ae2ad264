"""Slips of the hand and the ear: what goes wrong when a name, number or date is written down."""

from random import Random

_KEYBOARD_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_LIKE_SOUNDS = (
    ("f", "ph"),
    ("k", "c", "ck", "q", "kh"),
    ("s", "ss", "z", "sh"),
    ("y", "ie", "i", "ee"),
    ("ea", "ee"),
    ("ai", "ay", "ei"),
    ("u", "ou", "oo"),
    ("o", "au"),
    ("t", "tt", "th"),
    ("l", "ll"),
    ("n", "nn"),
    ("a", "aa", "ah", "e"),
    ("v", "w"),
    ("j", "g"),
)


def slip(rng: Random, text: str) -> str:
    """Write a word with one slip: two in three of the hand, one in three of the ear."""
    if rng.random() < 1 / 3:
        return mishear(rng, text)
    return mistype(rng, text)


def mishear(rng: Random, text: str) -> str:
    """Replace one group of letters by another of like sound; mistype where there is none."""
    possible = [(old, group) for group in _LIKE_SOUNDS for old in group if old in text[1:]]
    if not possible:
        return mistype(rng, text)
    old, group = rng.choice(possible)
    new = rng.choice([other for other in group if other != old])
    return text[0] + text[1:].replace(old, new, 1)


def mistype(rng: Random, text: str) -> str:
    """Hit a wrong key, or one twice, miss one, or hit two in the wrong order."""
    places = [at for at, character in enumerate(text) if character.isalpha()]
    if len(places) < 2:
        return text
    at = rng.choice(places)
    before, character, after = text[:at], text[at], text[at + 1 :]
    kind = rng.choices(("neighbour", "twice", "missed", "order"), (40, 15, 25, 20))[0]
    if kind == "neighbour":
        return before + _neighbour(rng, character) + after
    if kind == "twice":
        return before + character + character.lower() + after
    if kind == "order" and after:
        return before + _like(character, after[0]) + _like(after[0], character) + after[1:]
    return before + after if len(text) > 3 else before + _neighbour(rng, character) + after


def wrong_digit(rng: Random, text: str) -> str:
    """Change one digit of a date or number."""
    places = [at for at, character in enumerate(text) if character.isdigit()]
    if not places:
        return text
    at = rng.choice(places)
    return text[:at] + rng.choice("0123456789".replace(text[at], "")) + text[at + 1 :]


def wrong_character(rng: Random, text: str) -> str:
    """Change one character of a postcode, or lose it."""
    places = [at for at, character in enumerate(text) if character.isalnum()]
    at = rng.choice(places)
    if rng.random() < 0.15:
        return text[:at] + text[at + 1 :]
    pool = "0123456789" if text[at].isdigit() else "ABDEFGHJLNPQRSTUWXYZ"
    return text[:at] + rng.choice(pool.replace(text[at], "")) + text[at + 1 :]


def _neighbour(rng: Random, character: str) -> str:
    """Choose the key to the left or right; a vowel for letters that no English keyboard has."""
    for row in _KEYBOARD_ROWS:
        at = row.find(character.lower())
        if at >= 0:
            return _like(character, rng.choice(row[max(at - 1, 0) : at] + row[at + 1 : at + 2]))
    return _like(character, rng.choice("aeiou"))


def _like(model: str, character: str) -> str:
    """Give a character the case of another."""
    return character.upper() if model.isupper() else character.lower()
