"""The files beside an agreement, ``NAME.toml``: ``NAME.PARTY.signed`` are its signatures."""

from __future__ import annotations

from collections.abc import Sequence
from glob import escape
from pathlib import Path

SIGNATURE_SUFFIX = ".signed"


def signature_path(agreement: Path, party: str) -> Path:
    """Return where a party's signature under an agreement belongs."""
    return agreement.with_name(f"{agreement.stem}.{party}{SIGNATURE_SUFFIX}")


def signatures_of(agreement: Path, given: Sequence[Path]) -> dict[str, bytes]:
    """Return the signatures given, or else those beside the agreement, by their files' names."""
    paths = given or files_beside(agreement, SIGNATURE_SUFFIX)
    return {path.name: path.read_bytes() for path in paths}


def files_beside(agreement: Path, suffix: str) -> list[Path]:
    """Return the files ``NAME.PARTY.suffix`` beside ``NAME.toml``, in order of their names."""
    stem = agreement.stem
    found = sorted(agreement.parent.glob(f"{escape(stem)}.*{suffix}"))
    # A party's name has no dot, so 'trial.v2.police.signed' belongs to 'trial.v2.toml'.
    return [path for path in found if "." not in path.name[len(stem) + 1 : -len(suffix)]]
