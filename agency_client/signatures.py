"""The files of an agreement's signatures: ``NAME.PARTY.signed`` beside ``NAME.toml``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

SIGNATURE_SUFFIX = ".signed"


def signature_path(agreement: Path, party: str) -> Path:
    """Return where a party's signature under an agreement belongs."""
    return agreement.with_name(f"{agreement.stem}.{party}{SIGNATURE_SUFFIX}")


def signatures_of(agreement: Path, given: Sequence[Path]) -> dict[str, bytes]:
    """Return the signatures given, or else those beside the agreement, by their files' names."""
    beside = agreement.parent.glob(f"{_escaped(agreement.stem)}.*{SIGNATURE_SUFFIX}")
    return {path.name: path.read_bytes() for path in (given or sorted(beside))}


def _escaped(stem: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in stem)
