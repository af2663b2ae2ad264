"""A scheme in plain words: what is joined, what is lost, what is weak."""

from __future__ import annotations

from dataclasses import dataclass

from linkage.protocol.scheme import Group, Part, Scheme
from linkage.protocol.weakness import scheme_warnings, weak_groups

DIFFUSION = (
    "Diffusion: before anything leaves, each bit of a group is replaced by the XOR of several "
    "secretly chosen bits of its fields' filters. Without the secret the bits look random, and two "
    "records agree clearly only where both fields of a group agree. The more bits are joined, the "
    "less an attacker sees, and the less remains of a similarity that was only partial."
)
_DAMAGED = {
    "refuse": "a damaged value stops the encoding",
    "missing": "a damaged value counts as missing",
    "keep": "of a damaged value the parts are kept that can still agree",
}


@dataclass(frozen=True)
class GroupInWords:
    """What one group does; ``weakness`` is '' where nothing is wrong with it."""

    name: str
    bits: int
    joins: str
    mixing: str
    missing: str
    weakness: str


@dataclass(frozen=True)
class Explanation:
    """What a scheme does, in words."""

    version: str
    digest: str
    profile: str
    bits: int
    groups: tuple[GroupInWords, ...]
    diffused: bool
    damaged: dict[str, str]
    warnings: tuple[str, ...]


def explain(scheme: Scheme) -> Explanation:
    """Explain a scheme."""
    weak = weak_groups(scheme)
    return Explanation(
        scheme.version,
        scheme.digest(),
        scheme.profile,
        sum(group.length for group in scheme.group),
        tuple(_group(scheme, group, weak.get(group.name, "")) for group in scheme.group),
        any(group.similarity == "correlation" for group in scheme.group),
        {name: _DAMAGED[field.damaged] for name, field in scheme.fields.items()},
        tuple(scheme_warnings(scheme)),
    )


def _group(scheme: Scheme, group: Group, weakness: str) -> GroupInWords:
    return GroupInWords(
        group.name,
        group.length,
        " × ".join(_joined(scheme, part) for part in group.parts),
        _mixing(group),
        _missing(scheme, group),
        weakness,
    )


def _joined(scheme: Scheme, part: Part) -> str:
    text = " with ".join(_fields(scheme, either) for either in part.needs)
    minor = [f for f in _names(scheme, part.minor) if f not in _names(scheme, part.features)]
    return f"{text} (and {', '.join(minor)} where present)" if minor else text


def _mixing(group: Group) -> str:
    if group.similarity == "dice":
        return "not diffused: the bits are those of a plain filter"
    counts = [part.diffusion for part in group.parts]
    if len(counts) == 1:
        return f"every bit is the XOR of {counts[0]} secret bits of one joint filter"
    return f"every bit is the XOR of {' + '.join(map(str, counts))} secret bits of its parts"


def _missing(scheme: Scheme, group: Group) -> str:
    needed = [
        _lacking(_names(scheme, either))
        for part in group.parts
        if part.null_if != "never"
        for either in part.needs
    ]
    text = f"left out for a record that lacks {', or lacks '.join(dict.fromkeys(needed))}"
    labels = [part.label for part in group.parts]
    if len(set(labels)) < len(labels):
        text += ", or has the same value twice"
    return text


def _lacking(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{'both' if len(names) == 2 else 'all of'} {' and '.join(names)}"


def _fields(scheme: Scheme, features: tuple[str, ...]) -> str:
    names = _names(scheme, features)
    return names[0] if len(names) == 1 else f"({' and '.join(names)})"


def _names(scheme: Scheme, features: tuple[str, ...]) -> list[str]:
    """Return the features' fields, each once, with what is taken of them."""
    taken: dict[str, list[str]] = {}
    for name in features:
        feature = scheme.features[name]
        taken.setdefault(feature.field, []).append(feature.take)
    return [
        field if "value" in takes else f"{' and '.join(takes)} of {field}"
        for field, takes in taken.items()
    ]
