"""What differs between two versions of an agreement, setting by setting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from linkage.protocol.agreement import Agreement
from linkage.protocol.settings import settings

_LONGEST = 60
# Characters of what is the same before what differs.
_LEAD = 20


@dataclass(frozen=True)
class Difference:
    """A setting that changed: its place, and what it was and is, '' where it wasn't or isn't."""

    place: str
    before: str
    after: str


def differences(old: Agreement, new: Agreement) -> list[Difference]:
    """Return every setting that differs, in order of its place.

    Parties, groups and rules are told apart by their names, whatever their order; settings that
    aren't given are at their defaults.
    """
    before, after = dict(_flat("", settings(old))), dict(_flat("", settings(new)))
    places = sorted(set(before) | set(after))
    return [
        Difference(place, *_briefly(_text(before.get(place)), _text(after.get(place))))
        for place in places
        if before.get(place) != after.get(place)
    ]


def _flat(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every setting with its place, such as ``party.police.clean``."""
    if isinstance(value, list) and value and all(_named(inner) for inner in value):
        value = {inner["name"]: inner for inner in value}
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(f"{place}.{name}" if place else name, inner)
    else:
        yield place, value


def _named(value: Any) -> bool:
    return isinstance(value, dict) and "name" in value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(_text(inner) for inner in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(inner)}" for name, inner in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _briefly(before: str, after: str) -> tuple[str, str]:
    """Cut long texts to where they first differ."""
    both = enumerate(zip(before, after, strict=False))
    common = next((at for at, (one, other) in both if one != other), min(len(before), len(after)))
    start = max(0, common - _LEAD) if max(len(before), len(after)) > _LONGEST else 0
    return _cut(before, start), _cut(after, start)


def _cut(text: str, start: int) -> str:
    end = start + _LONGEST
    return f"{'…' if start else ''}{text[start:end]}{'…' if len(text) > end else ''}"
