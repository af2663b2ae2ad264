"""An agency's own records: which record ids it has encoded, and the tokens that stand for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from agency_client.disclosures.own_records import RECORD_ID, SPACES, TOKEN, map_table
from linkage.encodings import comparable, opened_encodings
from linkage.errors import InputError

_TOKEN_DIGITS = 32


@dataclass(frozen=True, repr=False)
class OwnRecords:
    """Every record of one upload: ``ids``, an Arrow array of strings, ``tokens`` uint8 (n, 16)."""

    ids: Any
    tokens: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.tokens)

    def places(self, record_ids: Any) -> NDArray[np.int64]:
        """Return which record each id, of an Arrow array, names: int64, -1 where none."""
        trimmed = pc.utf8_trim(record_ids, characters=SPACES)
        found = pc.fill_null(pc.index_in(trimmed, self.ids), -1)
        return np.asarray(found, np.int64)


def read_own_records(own_map: Path, encodings: Path) -> OwnRecords:
    """Read the map that was written with a file of encodings.

    Raises `InputError` where it is that of another file, `VerificationError` for what is no whole
    file of encodings.
    """
    table = map_table(own_map)
    digits = table[TOKEN].combine_chunks()
    if not pc.all(pc.match_substring_regex(digits, f"^[0-9a-f]{{{_TOKEN_DIGITS}}}$")).as_py():
        raise _other(own_map, encodings)
    tokens = np.frombuffer(bytes.fromhex("".join(digits.to_pylist())), np.uint8).reshape(-1, 16)
    with encodings.open("rb") as file, opened_encodings(file, str(encodings)) as reader:
        sent = [batch.tokens for batch in reader.batches()]
    if not _are_same(tokens, np.concatenate(sent) if sent else tokens[:0]):
        raise _other(own_map, encodings)
    return OwnRecords(table[RECORD_ID].combine_chunks(), tokens)


def _are_same(tokens: NDArray[np.uint8], sent: NDArray[np.uint8]) -> bool:
    """Say if each token that was sent is in the map, once. Alternates share a token."""
    mapped = np.sort(comparable(tokens))
    return np.array_equal(mapped, np.unique(comparable(sent)))


def _other(own_map: Path, encodings: Path) -> InputError:
    return InputError(
        f"{own_map.name} is not the map of {encodings.name}; give the map that was written with it."
    )
