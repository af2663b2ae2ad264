"""Whether a file that was received is what its manifest says and fits its agreement.

A batch at a time: of a file of any length a few batches are in memory, and 8 bytes a row.
"""

from __future__ import annotations

from typing import IO

import numpy as np
from numpy.typing import NDArray

from linkage.encodings import (
    TOKEN_BYTES,
    Encodings,
    EncodingsReader,
    GroupLayout,
    Header,
    comparable,
    opened_encodings,
    repeated_token,
)
from linkage.errors import VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.upload import Manifest
from matcher.objects.streams import sha256_of
from matcher.uploads.failures import UnfitError
from matcher.uploads.layout import require_layout

# Tokens are random: that even one pair of honest ones begins alike is an accident.
_MOST_SUSPECTS = 1024


def require_fit(
    file: IO[bytes], manifest: Manifest, agreement: Agreement, agency: str, name: str
) -> None:
    """Raise `UnfitError` unless the file is whole, the manifest's, and fits the agreement.

    ``name`` is what errors call the file, ``agency`` whose it must be.
    """
    _require_bytes(file, manifest, name)
    groups = tuple(GroupLayout(group.name, group.length) for group in agreement.scheme.group)
    require_layout(file, groups, name)
    try:
        file.seek(0)
        with opened_encodings(file, name) as reader:
            _require_header(reader.header, groups, agreement, agency, name)
            _require_report(reader.header, manifest, name)
            suspects = _read_all(reader, manifest, name)
        if len(suspects):
            file.seek(0)
            with opened_encodings(file, name) as again:
                _require_distinct(again, suspects, name)
    except UnfitError:
        raise
    except VerificationError as error:
        raise UnfitError("unreadable", str(error)) from error


def _require_bytes(file: IO[bytes], manifest: Manifest, name: str) -> None:
    file.seek(0)
    if sha256_of(file) != manifest.sha256:
        raise UnfitError(
            "changed",
            f"{name} isn't the file that was announced: it changed while it was sent, or was "
            "altered since; push it again.",
        )


def _require_header(
    header: Header, groups: tuple[GroupLayout, ...], agreement: Agreement, agency: str, name: str
) -> None:
    if header.agency != agency:
        raise UnfitError(
            "agency",
            f"{name} was encoded in the name of another agency than {agency!r}, who sent it; push "
            "your own file.",
        )
    if header.scheme_digest != agreement.scheme.digest() or header.layout != groups:
        raise UnfitError(
            "scheme",
            f"{name} was encoded under another scheme than that of the agreement "
            f"({agreement.scheme.digest()[:12]}…); encode the extract again with this agreement.",
        )


def _require_report(header: Header, manifest: Manifest, name: str) -> None:
    told = manifest.leakage.report if manifest.leakage else ""
    if header.leakage != told:
        raise UnfitError(
            "report",
            f"{name} was encoded with another leakage report than its manifest tells of; push it "
            "again with the report that was written beside it, or encode the extract again.",
        )


def _read_all(reader: EncodingsReader, manifest: Manifest, name: str) -> NDArray[np.uint64]:
    """Verify every batch; return beginnings of tokens that stand at several rows and shouldn't."""
    # Nobody's word alone decides how much memory is taken.
    found, start = np.empty(min(manifest.rows, manifest.size // TOKEN_BYTES), np.uint64), 0
    # map(), as the variable of a loop would keep each batch until after the next is read.
    for beginnings in map(_beginnings, reader.batches()):
        room = found[start : start + len(beginnings)]
        room[:] = beginnings[: len(room)]
        start += len(beginnings)
    if (reader.rows, reader.digest) != (manifest.rows, manifest.encodings):
        raise UnfitError(
            "manifest", f"{name} holds other rows than its manifest says; push it again."
        )
    if reader.header.alternates:
        return np.empty(0, np.uint64)
    found.sort()
    return np.unique(found[1:][found[1:] == found[:-1]])


def _require_distinct(reader: EncodingsReader, suspects: NDArray[np.uint64], name: str) -> None:
    """Look at the tokens that begin as others do: they may still differ."""
    if len(suspects) > _MOST_SUSPECTS:
        raise repeated_token(name)
    seen: set[bytes] = set()
    for batch in reader.batches():
        rows = np.flatnonzero(np.isin(_beginnings(batch), suspects))
        for token in comparable(batch.tokens[rows]).tolist():
            if token in seen or len(seen) > 2 * _MOST_SUSPECTS:
                raise repeated_token(name)
            seen.add(token)


def _beginnings(batch: Encodings) -> NDArray[np.uint64]:
    """Return the first half of each token, uint64 (n,)."""
    return np.ascontiguousarray(batch.tokens).view(np.uint64)[:, 0].copy()
