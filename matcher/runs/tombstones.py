"""Tombstones: the tokens of erased records, which no later run may link again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkage.encodings import TOKEN_BYTES
from linkage.errors import InputError
from matcher.runs.tables import parquet

COLUMNS = ["agency", "record_token"]


@dataclass(frozen=True)
class Tombstones:
    """The erased tokens, 32 hex digits each, by agency."""

    tokens: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self.tokens.values()))

    def __or__(self, other: Tombstones) -> Tombstones:
        agencies = self.tokens.keys() | other.tokens.keys()
        return Tombstones({name: self._set(name) | other._set(name) for name in agencies})

    def of(self, agency: str) -> NDArray[np.uint8]:
        """Return the tokens of one agency, uint8 (k, 16), in rising order."""
        return token_bytes(sorted(self._set(agency)))

    def digest(self, agencies: tuple[str, str]) -> str:
        """Return a SHA-256, in hex, over all tombstones of two agencies."""
        lines = [f"{name} {token}" for name in agencies for token in sorted(self._set(name))]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def table(self) -> bytes:
        """Return tombstones.parquet: ``agency, record_token``."""
        rows = [(name, token) for name in sorted(self.tokens) for token in sorted(self._set(name))]
        agencies, tokens = ([row[k] for row in rows] for k in range(2))
        return parquet({"agency": agencies, "record_token": tokens})

    def _set(self, agency: str) -> frozenset[str]:
        return self.tokens.get(agency, frozenset())


def token_bytes(tokens: Iterable[str]) -> NDArray[np.uint8]:
    """Return tokens of 32 hex digits as uint8 (k, 16)."""
    data = bytes.fromhex("".join(tokens))
    return np.frombuffer(data, np.uint8).reshape(-1, TOKEN_BYTES)


def tombstones_of(table: pd.DataFrame) -> Tombstones:
    """Return the tombstones of a table with the columns ``agency, record_token``."""
    by_agency = table.groupby("agency")["record_token"]
    return Tombstones({str(name): frozenset(tokens) for name, tokens in by_agency})


def read_tokens(path: Path) -> Tombstones:
    """Read the CSV of tokens to erase; anything that isn't a token is refused with its row."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError):
        raise InputError(f"{path} is not a CSV file in UTF-8 with a header.") from None
    if missing := [column for column in COLUMNS if column not in table.columns]:
        raise InputError(
            f"{path} lacks the column {missing[0]!r}; its header must be {', '.join(COLUMNS)}."
        )
    table["record_token"] = table["record_token"].str.strip().str.lower()
    wrong = ~table["record_token"].str.fullmatch(rf"[0-9a-f]{{{2 * TOKEN_BYTES}}}")
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0]) + 2
        raise InputError(
            f"{path}, row {row}: this is not a token of {2 * TOKEN_BYTES} hex digits; copy it from "
            "the agency's map or from clusters.parquet."
        )
    return tombstones_of(table)
