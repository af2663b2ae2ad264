"""An agreement and the signatures beside it, as agencies' clients write them."""

from __future__ import annotations

from glob import escape
from pathlib import Path

from linkage.errors import InputError
from linkage.protocol.agreement import Agreement, parse_agreement

_SUFFIX = ".signed"


def read_agreement(path: Path) -> Agreement:
    """Read an agreement in TOML; raises `InputError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text in UTF-8; save it as UTF-8.") from None
    return parse_agreement(text, str(path))


def signatures_beside(agreement: Path) -> dict[str, bytes]:
    """Return the signatures ``NAME.PARTY.signed`` beside ``NAME.toml``, by their files' names."""
    stem = agreement.stem
    found = sorted(agreement.parent.glob(f"{escape(stem)}.*{_SUFFIX}"))
    # A party's name has no dot, so 'trial.v2.police.signed' belongs to 'trial.v2.toml'.
    own = [path for path in found if "." not in path.name[len(stem) + 1 : -len(_SUFFIX)]]
    return {path.name: path.read_bytes() for path in own}
