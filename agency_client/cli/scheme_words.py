"""Schemes in words on the terminal."""

from __future__ import annotations

import textwrap
from typing import Any

from agency_client.explain import DIFFUSION, Explanation
from agency_client.ready_schemes import ACCURACY_SETS, ATTACKS, READY_SCHEMES, ReadyScheme

_WIDTH = 96


def ready_as_table(ready: ReadyScheme) -> dict[str, Any]:
    """Return a ready-made scheme for JSON."""
    return {
        "name": ready.name,
        "summary": ready.summary,
        "protects": ready.protects,
        "loses": ready.loses,
        "sizes": ready.sizes,
        "f1": dict(zip(ACCURACY_SETS, ready.accuracy, strict=True)),
        "recovered_of_1000_dense": dict(zip(ATTACKS, ready.recovered, strict=True)),
        "scheme_digest": ready.scheme.digest(),
    }


def list_text() -> str:
    """Return the list of ready-made schemes."""
    return "\n\n".join(ready_text(ready) for ready in READY_SCHEMES)


def ready_text(ready: ReadyScheme) -> str:
    """Return what choosing a ready-made scheme means."""
    scheme = ready.scheme
    bits = sum(group.length for group in scheme.group)
    lines = [f"{ready.name}: {ready.summary}", *_part("records", _bits(len(scheme.group), bits))]
    for label, text in (
        ("protects", ready.protects), ("loses", ready.loses), ("for", ready.sizes)
    ):  # fmt: skip
        lines += _part(label, text)
    f1 = zip(ACCURACY_SETS, ready.accuracy, strict=True)
    lines += _part("F1", "; ".join(f"{name} {value}" for name, value in f1))
    recovered = zip(ATTACKS, ready.recovered, strict=True)
    shares = "; ".join(f"{name} {value}" for name, value in recovered)
    sample = "of 1,000 people in a dense population, by someone with a list of them"
    lines += _part("recovered", f"{shares} ({sample})")
    return "\n".join(lines)


def explanation_text(found: Explanation) -> str:
    """Return an explanation for people to read."""
    lines = [
        f"{found.version} ({found.digest[:16]}), values standardised by {found.profile}",
        _bits(len(found.groups), found.bits),
        "",
    ]
    for group in found.groups:
        lines.append(f"{group.name}: {group.joins}, {group.bits} bits")
        lines += _part("", group.mixing)
        lines += _part("", group.missing)
        if group.weakness:
            lines += _part("", f"WEAK: {group.weakness}")
    if found.diffused:
        lines += ["", *textwrap.wrap(DIFFUSION, _WIDTH)]
    lines += ["", "Values that aren't of their type:"]
    lines += [f"  {field}: {rule}" for field, rule in found.damaged.items()]
    for warning in found.warnings:
        lines += ["", *textwrap.wrap(f"Warning: {warning}", _WIDTH)]
    return "\n".join(lines)


def _bits(groups: int, bits: int) -> str:
    return f"{bits:,} bits a record, in {groups} group{'s' if groups != 1 else ''}"


def _part(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=f"  {label:<10} " if label else "  ",
        subsequent_indent=" " * 13,
    )
