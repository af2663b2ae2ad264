"""Encodings: what an agency hands to the matcher, in memory and as an Arrow IPC file.

A row is one way to write down one person. Most people have one; of a person with several names or
addresses each is an alternate, a row of its own under the same token.

The file has a column ``record_token`` (16 random bytes) and one column per group, named
``group:NAME``, of ``length / 8`` bytes: bit *i* is byte ``i // 8``, mask ``0x80 >> (i % 8)``, as
clkhash serialises a CLK. A null group is an Arrow null. The last record batch is empty and
carries the number of rows and a SHA-256 over everything before it, so that a truncated or
altered file is refused. The schema's metadata say who has encoded under which scheme, and name the
leakage report of the file by its digest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linkage.errors import VerificationError

TOKEN_BYTES = 16
BATCH_ROWS = 65_536
FORMAT = "concord-encodings/1"
_GROUP_PREFIX = "group:"


@dataclass(frozen=True)
class GroupLayout:
    """Name and length in bits of one group; the length is a multiple of 64."""

    name: str
    length: int


@dataclass(frozen=True)
class Header:
    """Who encoded, under which scheme (digest in hex), and how the rows are laid out.

    ``alternates`` says that rows with the same token are alternates of one record; without it
    every row has a token of its own. ``leakage`` is the SHA-256, in hex, of the leakage report in
    JSON; empty where the file comes without one.
    """

    agency: str
    scheme_digest: str
    layout: tuple[GroupLayout, ...]
    alternates: bool = False
    leakage: str = ""


@dataclass(frozen=True)
class Encodings:
    """The encodings of one agency.

    ``tokens`` uint8 (n, 16); ``bits`` uint64 (n, groups, words), little-endian words over the
    serialised bytes, shorter groups padded with zeros; ``present`` bool (n, groups), False where
    the group is null. The bits of a null group are zero. ``digest`` is the SHA-256, in hex, that
    closed the file they were read from; empty where they come from no file.
    """

    header: Header
    tokens: NDArray[np.uint8]
    bits: NDArray[np.uint64]
    present: NDArray[np.bool_]
    digest: str = ""

    def __len__(self) -> int:
        return len(self.tokens)

    def counts(self) -> NDArray[np.int32]:
        """Return the number of set bits, int32 (n, groups)."""
        return np.asarray(np.bitwise_count(self.bits).sum(axis=2), np.int32)

    def sorted_by_token(self) -> Encodings:
        """Return the same rows in the order of their tokens, so that file order can't matter.

        Alternates come in an order that depends on their bits alone.
        """
        order = self._order_by_content() if self.header.alternates else np.arange(len(self))
        order = order[np.argsort(comparable(self.tokens[order]), kind="stable")]
        return self._take(order)

    def without(self, tokens: NDArray[np.uint8]) -> Encodings:
        """Return the rows whose token is none of ``tokens``, uint8 (k, 16)."""
        return self._take(~np.isin(comparable(self.tokens), comparable(tokens)))

    def _take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Encodings:
        return replace(
            self, tokens=self.tokens[rows], bits=self.bits[rows], present=self.present[rows]
        )

    def _order_by_content(self) -> NDArray[np.int64]:
        # Rows of equal checksum are equal but for an accident of 1 in 2**64.
        rng = np.random.default_rng(0)
        odd = rng.integers(0, 2**64, self.bits.shape[1:], dtype=np.uint64) | np.uint64(1)
        mixed = (self.bits ^ (self.bits >> np.uint64(32))) * odd
        checksum = mixed.sum(axis=(1, 2)) + (self.present * odd[:, 0]).sum(axis=1)
        return np.argsort(checksum, kind="stable")


def comparable(tokens: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """Return tokens, uint8 (n, 16), as bytes that compare in order, (n,)."""
    return np.ascontiguousarray(tokens).view(f"S{TOKEN_BYTES}").ravel()


def join(parts: list[Encodings]) -> Encodings:
    """Return the rows of several encodings with one header, in their order."""
    return Encodings(
        parts[0].header,
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.bits for part in parts]),
        np.concatenate([part.present for part in parts]),
    )


def words_of(layout: Iterable[GroupLayout]) -> int:
    """Return the number of 64-bit words that hold the longest group."""
    return max(group.length for group in layout) // 64


def write_encodings(sink: IO[bytes], header: Header, chunks: Iterable[Encodings]) -> int:
    """Write an Arrow IPC file, chunk by chunk, and return the number of rows written."""
    schema = _schema(header)
    digest, rows = _header_digest(header), 0
    with pa.ipc.new_file(sink, schema) as writer:
        for chunk in chunks:
            for batch in _batches(chunk):
                _update(digest, batch)
                writer.write_batch(_to_arrow(batch, schema))
                rows += len(batch)
        closing = {"rows": str(rows), "sha256": digest.hexdigest()}
        writer.write_batch(_to_arrow(_empty(header), schema), custom_metadata=closing)
    return rows


class EncodingsReader:
    """A file of encodings that is read and verified batch by batch.

    ``rows`` and ``digest`` (SHA-256, hex) are of what was read so far; once `batches` has come to
    its end they are those that close the file.
    """

    def __init__(self, reader: Any, name: str) -> None:
        """Begin with the header of an open Arrow file; see `opened_encodings`."""
        self.header = _parse_schema(reader.schema, name)
        self.rows = 0
        self._reader = reader
        self._name = name
        self._digest = _header_digest(self.header)

    @property
    def digest(self) -> str:
        """The SHA-256, in hex, of what was read so far."""
        return str(self._digest.hexdigest())

    def closing(self) -> tuple[int, str]:
        """Return rows and digest as the file's end says them, without verifying the rows.

        Raises `VerificationError` where it says none, as a file that was cut short.
        """
        last = self._reader.num_record_batches - 1
        metadata = self._reader.get_batch_with_custom_metadata(last)[1] if last >= 0 else None
        found = _closing_of(metadata)
        rows, digest = found.get("rows", ""), found.get("sha256", "")
        if not re.fullmatch(r"[0-9]{1,15}", rows) or not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise self._altered()
        return int(rows), digest

    def batches(self) -> Iterator[Encodings]:
        """Yield the rows, once, a batch at a time; raises `VerificationError` after the last.

        Until then what was yielded may have been altered. Repeated tokens are not looked for.
        """
        closing: dict[str, str] = {}
        last = self._reader.num_record_batches - 1
        for index in range(last + 1):
            batch, metadata = self._reader.get_batch_with_custom_metadata(index)
            batch.validate(full=True)
            if index == last:
                closing = _closing_of(metadata)
            if batch.num_rows:
                yield self._taken(batch)
            del batch  # two batches at once would take twice the memory
        if closing != {"rows": str(self.rows), "sha256": self.digest}:
            raise self._altered()

    def _altered(self) -> VerificationError:
        return VerificationError(
            f"{self._name} was altered or cut short after it was encoded; copy it anew from the "
            "agency."
        )

    def _taken(self, batch: Any) -> Encodings:
        part = _from_arrow(batch, self.header)
        _update(self._digest, part)
        self.rows += len(part)
        return part


@contextmanager
def opened_encodings(source: IO[bytes] | pa.NativeFile, name: str) -> Iterator[EncodingsReader]:
    """Open an Arrow IPC file of encodings; ``name`` is what errors call it.

    In the context whatever isn't exactly what `write_encodings` writes raises `VerificationError`.
    """
    try:
        with pa.ipc.open_file(source) as reader:
            yield EncodingsReader(reader, name)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise VerificationError(
            f"{name} is not a whole file of encodings (truncated, altered, or of another kind); "
            "encode the extract again or copy the file anew."
        ) from error


def read_encodings(source: IO[bytes] | pa.NativeFile, name: str) -> Encodings:
    """Read and verify an Arrow IPC file of encodings; ``name`` is what errors call it.

    Raises `VerificationError` for anything but exactly what `write_encodings` wrote: a file that
    is truncated or altered, that repeats a token, or that isn't a file of encodings at all.
    """
    with opened_encodings(source, name) as reader:
        parts = list(reader.batches())
    encodings = join(parts) if parts else _empty(reader.header)
    if not encodings.header.alternates:
        _refuse_repeated_tokens(encodings, name)
    return replace(encodings, digest=reader.digest)


def _closing_of(metadata: Any) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in (metadata or {}).items()}


def _schema(header: Header) -> Any:
    fields = [pa.field("record_token", pa.binary(TOKEN_BYTES), nullable=False)]
    fields += [pa.field(_GROUP_PREFIX + g.name, pa.binary(g.length // 8)) for g in header.layout]
    metadata = {
        "format": FORMAT,
        "agency": header.agency,
        "scheme": header.scheme_digest,
        "alternates": str(header.alternates).lower(),
    }
    if header.leakage:
        metadata["leakage"] = header.leakage
    return pa.schema(fields, metadata=metadata)


def _parse_schema(schema: Any, name: str) -> Header:
    metadata = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
    layout = tuple(
        GroupLayout(field.name.removeprefix(_GROUP_PREFIX), field.type.byte_width * 8)
        for field in schema
        if field.name.startswith(_GROUP_PREFIX) and pa.types.is_fixed_size_binary(field.type)
    )
    alternates, leakage = metadata.get("alternates") == "true", metadata.get("leakage", "")
    agency, scheme = metadata.get("agency", ""), metadata.get("scheme", "")
    header = Header(agency, scheme, layout, alternates, leakage)
    well_formed = layout and all(group.length % 64 == 0 for group in layout)
    named_well = re.fullmatch(r"(?:[0-9a-f]{64})?", leakage)
    # Metadata and all: what isn't exactly the schema of this header was not written by us.
    if not well_formed or not named_well or not schema.equals(_schema(header), check_metadata=True):
        raise VerificationError(
            f"{name} is not a file of encodings in the format {FORMAT!r}; "
            "make it with 'agency-client encode'."
        )
    return header


def _batches(chunk: Encodings) -> Iterator[Encodings]:
    edges = [*range(0, len(chunk), BATCH_ROWS), len(chunk)]
    for start, end in pairwise(edges):
        rows = slice(start, end)
        yield Encodings(chunk.header, chunk.tokens[rows], chunk.bits[rows], chunk.present[rows])


def _to_arrow(batch: Encodings, schema: Any) -> Any:
    columns = [_fixed_size_binary(batch.tokens, None)]
    for index, group in enumerate(batch.header.layout):
        columns.append(
            _fixed_size_binary(_group_bytes(batch, index, group), batch.present[:, index])
        )
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _fixed_size_binary(values: NDArray[np.uint8], valid: NDArray[np.bool_] | None) -> Any:
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    data = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.binary(values.shape[1]), len(values), [bitmap, data])


def _group_bytes(batch: Encodings, index: int, group: GroupLayout) -> NDArray[np.uint8]:
    words = np.ascontiguousarray(batch.bits[:, index, : group.length // 64]).astype("<u8")
    return words.view(np.uint8).reshape(len(batch), group.length // 8)


def _from_arrow(batch: Any, header: Header) -> Encodings:
    rows = batch.num_rows
    bits = np.zeros((rows, len(header.layout), words_of(header.layout)), np.uint64)
    present = np.empty((rows, len(header.layout)), np.bool_)
    for index, group in enumerate(header.layout):
        column = batch.column(1 + index)
        present[:, index] = _validity(column)
        words = _bytes_of(column, group.length // 8).view("<u8")
        np.multiply(words, present[:, index, None], out=bits[:, index, : group.length // 64])
    return Encodings(header, _bytes_of(batch.column(0), TOKEN_BYTES), bits, present)


def _validity(column: Any) -> NDArray[np.bool_]:
    """Return where a column isn't null, bool (n,); Arrow's own way loads pandas first."""
    bitmap = column.buffers()[0]
    if bitmap is None:
        return np.ones(len(column), np.bool_)
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")
    return bits[column.offset : column.offset + len(column)].view(np.bool_)


def _bytes_of(column: Any, width: int) -> NDArray[np.uint8]:
    data = np.frombuffer(column.buffers()[1], np.uint8)
    start = column.offset * width
    return data[start : start + len(column) * width].reshape(len(column), width).copy()


def _header_digest(header: Header) -> Any:
    lines = [FORMAT, header.agency, header.scheme_digest, str(header.alternates).lower()]
    # Only where there is one: of older files, which name none, the digest stays what it was.
    lines += [f"leakage {header.leakage}"] if header.leakage else []
    lines += [f"{group.name} {group.length}" for group in header.layout]
    return hashlib.sha256("\n".join(lines).encode())


def _update(digest: Any, batch: Encodings) -> None:
    digest.update(len(batch).to_bytes(8, "little"))
    digest.update(np.ascontiguousarray(batch.tokens))
    digest.update(np.packbits(batch.present))
    digest.update(np.ascontiguousarray(batch.bits).astype("<u8", copy=False))


def _empty(header: Header) -> Encodings:
    groups, words = len(header.layout), words_of(header.layout)
    return Encodings(
        header,
        np.empty((0, TOKEN_BYTES), np.uint8),
        np.empty((0, groups, words), np.uint64),
        np.empty((0, groups), np.bool_),
    )


def _refuse_repeated_tokens(encodings: Encodings, name: str) -> None:
    tokens = encodings.tokens.view(f"V{TOKEN_BYTES}").ravel()
    if len(np.unique(tokens)) != len(tokens):
        raise repeated_token(name)


def repeated_token(name: str) -> VerificationError:
    """Return the error for a file that holds two records with the same token."""
    return VerificationError(f"{name} holds two records with the same token; encode it again.")
