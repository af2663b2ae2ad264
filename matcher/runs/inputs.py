"""What a run starts from: the agreement, the agencies' files, and the rules that follow."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import pyarrow as pa

from linkage.encodings import Encodings, GroupLayout, read_encodings
from linkage.errors import VerificationError
from linkage.linking import LinkingRules
from linkage.patterns import DICE_LEVELS, GroupComparison, correlation_levels
from linkage.protocol.agreement import Agreement
from linkage.protocol.scheme import Group, Part, Scheme, group_features

_GIVEN_NAMES = ("given", "first", "forename", "christian")


def read_agency_file(path: Path, agreement: Agreement) -> Encodings:
    """Read one agency's encodings and make sure that they belong to the agreement."""
    # Arrow's own threads read a native file without waiting for the interpreter.
    with pa.OSFile(str(path)) as file:
        return read_agency_encodings(file, str(path), agreement)


def read_agency_encodings(
    file: IO[bytes] | pa.NativeFile, name: str, agreement: Agreement
) -> Encodings:
    """Read one agency's encodings, which errors call ``name``, as `read_agency_file` does."""
    encodings = read_encodings(file, name)
    header, scheme = encodings.header, agreement.scheme
    agreement.require_party(header.agency)
    layout = tuple(GroupLayout(group.name, group.length) for group in scheme.group)
    if header.scheme_digest != scheme.digest() or header.layout != layout:
        raise VerificationError(
            f"{name} was encoded under another scheme ({header.scheme_digest[:12]}…) than the "
            f"agreement's ({scheme.digest()[:12]}…); encode the extract again with this agreement."
        )
    return encodings


def linking_rules(agreement: Agreement) -> LinkingRules:
    """Translate the agreement into the terms of the maths, which knows no agreements."""
    matching = agreement.matching
    return LinkingRules(
        tuple(
            _comparison(agreement.scheme, group, matching.levels.get(group.name))
            for group in agreement.scheme.group
        ),
        matching.link_probability,
        matching.review,
        matching.candidates_per_record,
        matching.seed,
        agreement.scheme.local_suppression,
        _groups_with_given_name(agreement.scheme),
    )


def _groups_with_given_name(scheme: Scheme) -> tuple[bool, ...]:
    """Say of each group whether a feature of the given name is in it.

    A scheme doesn't say which of its names is the given one; its fields' names do. Empty where
    none does.
    """
    given = {
        name
        for name, feature in scheme.features.items()
        if scheme.fields[feature.field].type == "name"
        and feature.field.lower().startswith(_GIVEN_NAMES)
    }
    holds = tuple(not given.isdisjoint(group_features(group)) for group in scheme.group)
    return holds if any(holds) else ()


def _comparison(scheme: Scheme, group: Group, levels: tuple[float, ...] | None) -> GroupComparison:
    diffused = group.similarity == "correlation"
    default = correlation_levels(group.length) if diffused else DICE_LEVELS
    parts = tuple((_content(scheme, part), part.diffusion) for part in group.parts if diffused)
    return GroupComparison(group.name, group.length, group.similarity, levels or default, parts)


def _content(scheme: Scheme, part: Part) -> str:
    """Name what a part is made of, its fields; several groups may join it."""
    return "+".join(sorted({scheme.features[name].field for name in part.features}))
