"""Text files of people's making."""

from __future__ import annotations

from pathlib import Path

from linkage.errors import InputError


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, with or without a byte-order mark."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is not text in UTF-8; save it as UTF-8.") from None
