"""The known-answer handshake, which shows whether two agencies set the same bits.

Each encodes the same fictional list under its own secret, agreement and program, and they compare
a digest of the outcome. Whatever changes a bit of any value on the list changes it. It tells
nobody the secret: it is a MAC under a key that is derived from the secret for nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from importlib.resources import files
from typing import Any

import numpy as np
import pyarrow as pa

from hashing.encoder import EncodedRows, Encoder
from hashing.secret import LinkageSecret, derive
from linkage.protocol.scheme import Scheme, SchemeField

LIST = "concord/1/known-answers"
_KEY_BYTES = 32
_STEP = 11
_SHORT_DIGITS = 32
# With it everybody can compute the same answers, so it protects nothing.
PUBLIC_TEST_SECRET = b"public test secret of concord: protects nothing"

Columns = dict[str, list[str]]
Cells = list[tuple[int, str]]


@dataclass(frozen=True)
class KnownAnswers:
    """The digest, 64 hex digits, of the list's encodings under one scheme and secret."""

    digest: str
    scheme_digest: str
    people: int

    @property
    def short(self) -> str:
        """The first half of the digest, 128 bits, in eight groups to read out."""
        head = self.digest[:_SHORT_DIGITS]
        return " ".join(head[i : i + 4] for i in range(0, _SHORT_DIGITS, 4))


def known_answers(scheme: Scheme, secret: LinkageSecret) -> KnownAnswers:
    """Return the known answers of a scheme under a secret.

    Cells that the scheme refuses are noted and encoded as missing, and records in which the
    missing value is refused as well are left out. The scheme's ``required_fill`` is about real
    records and isn't asked for.
    """
    columns, people = fictional_columns(scheme)
    with Encoder(replace(scheme, required_fill=None), secret) as encoder:
        refused = _refused(encoder, columns)
        for row, field in refused:
            columns[field][row] = ""
        lost = {row for row, _ in _refused(encoder, columns)}
        kept = [row for row in range(people) if row not in lost]
        encoded = encoder.encode_columns(
            _arrow({name: [own[row] for row in kept] for name, own in columns.items()})
        )
    key = derive(secret, LIST.encode("ascii"), _KEY_BYTES)
    content = _content(scheme, refused, encoded)
    digest = hmac.new(key, content, hashlib.sha256).hexdigest()
    return KnownAnswers(digest, scheme.digest(), people)


def answers_agree(own: KnownAnswers, other: str) -> bool:
    """Whether another agency's digest, long or short and however spaced, is this one.

    The comparison takes the same time whatever they have in common.
    """
    digits = "".join(c for c in other.lower() if c in "0123456789abcdef").encode("ascii")
    wanted = own.digest.encode("ascii")
    if len(digits) == _SHORT_DIGITS:
        wanted = wanted[:_SHORT_DIGITS]
    return hmac.compare_digest(digits, wanted)


def fictional_columns(scheme: Scheme) -> tuple[Columns, int]:
    """Return the fictional list as columns for the scheme's fields, and its number of people."""
    pools = tomllib.loads(files("hashing").joinpath("known_answers.toml").read_text("utf-8"))
    people: int = pools.pop("people")
    numeric = {own.field for own in scheme.features.values() if own.comparison == "numeric"}
    columns, used = {}, dict.fromkeys(pools, 0)
    for name in sorted(scheme.fields):
        field = scheme.fields[name]
        pool = "number" if name in numeric and field.type in {"raw", "code", "text"} else field.type
        if field.clkhash is not None and field.clkhash.type == "integer":
            pool = "number"
        values = _values(field, pools[pool], pools["date"])
        columns[name] = [values[(row + _STEP * used[pool]) % len(values)] for row in range(people)]
        used[pool] += 1
    return columns, people


def _values(field: SchemeField, pool: list[str], dates: list[str]) -> list[str]:
    """Return a field's values, in the form that clkhash wants where it is a field of clkhash's."""
    form = field.clkhash
    if form is None:
        return pool
    if form.date_format is not None:
        pool = [day.strftime(form.date_format) for day in _sound(dates)]
    return [*(form.values or pool), *([] if form.sentinel is None else [form.sentinel])]


def _sound(dates: Iterable[str]) -> list[date]:
    """Return the dates among those in ISO form."""
    found = []
    for value in dates:
        try:
            found.append(date.fromisoformat(value))
        except ValueError:
            continue
    return found


def _refused(encoder: Encoder, columns: Columns) -> Cells:
    rows = encoder.standardise(_arrow(columns))
    return sorted((cell.row, cell.field) for cell in rows.refused())


def _arrow(columns: Columns) -> dict[str, Any]:
    """Return the columns as an extract is encoded from, by the same compiled rules."""
    return {name: pa.array(values, pa.string()) for name, values in columns.items()}


def _content(scheme: Scheme, refused: Cells, encoded: EncodedRows) -> bytes:
    """Return what is hashed: the scheme, the refused cells, then record by record its groups."""
    lines = [LIST, scheme.digest(), *(f"{row} {field}" for row, field in refused), ""]
    words = np.ascontiguousarray(encoded.bits).astype("<u8")
    parts = ["\n".join(lines).encode("ascii"), b"\0"]
    for row in range(len(words)):
        for index, group in enumerate(scheme.group):
            parts.append(b"\1" if encoded.present[row, index] else b"\0")
            parts.append(words[row, index].tobytes()[: group.length // 8])
    return b"".join(parts)
