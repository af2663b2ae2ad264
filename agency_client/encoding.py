"""From an extract to encodings, piece by piece: read, map, standardise, encode, shuffle, write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from agency_client.columns import ColumnMap, parse_column_map, resolve_columns
from agency_client.faults import Faults, refuse_blank_ids, refuse_damaged, refuse_repeated_ids
from agency_client.outputs import refuse_unusable, written_together
from agency_client.piecework import EncodedPiece, Piecework, in_order
from agency_client.reading.pieces import OpenExtract
from agency_client.reading.source import Source, open_extract
from agency_client.shuffling import Rows, Shuffler, chunks
from agency_client.textfiles import read_text
from hashing.encoder import Encoder, PartFill, merge_fills, require_fills
from hashing.secret import LinkageSecret, read_secret
from hashing.tokens import RecordTokens
from linkage.encodings import Encodings, Header, write_encodings
from linkage.errors import InputError
from linkage.protocol.agreement import Agreement, parse_agreement
from linkage.protocol.weakness import scheme_warnings

_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_MAP_SCHEMA = pa.schema([("record_token", pa.string()), ("record_id", pa.string())])

Report = Callable[[str], None]


@dataclass(frozen=True)
class EncodeRequest:
    """What to encode, under what, to where."""

    extract: Source
    agreement: Path
    agency: str
    secret_file: Path
    out: Path
    map_out: Path
    columns: Path | None = None
    skip_bad_rows: bool = False


@dataclass(frozen=True)
class EncodeResult:
    """What was done, without a word about any person.

    ``rows`` counts the rows of the encodings, ``records`` those of the map, which are fewer where
    some have alternates; ``skipped`` counts the rows left out, ``null_shares`` gives per group the
    share of rows for which it is null, ``warnings`` are sentences for the agency.
    """

    agency: str
    rows: int
    records: int
    skipped: int
    null_shares: dict[str, float]
    fills: tuple[PartFill, ...]
    scheme: str
    scheme_digest: str
    out: Path
    map_out: Path
    warnings: tuple[str, ...]


@dataclass(repr=False)
class _Tally:
    """What is known of the pieces so far."""

    present: NDArray[np.int64]
    rows: int = 0
    records: int = 0
    read: int = 0
    skipped: int = 0
    fills: list[tuple[PartFill, ...]] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)

    def add(self, piece: EncodedPiece, *, unique: bool) -> None:
        """Count a piece in; with ``unique`` its record ids are remembered."""
        self.read += len(piece.row_numbers)
        self.skipped += piece.skipped
        self.faults.add_damaged(piece.damaged, piece.described)
        self.faults.add_blank(piece.blank)
        if unique:
            self.faults.add_tokens(piece.tokens, piece.row_numbers)
        if piece.rows is not None and piece.fills is not None:
            self.rows += len(piece.rows)
            self.present += piece.rows.present.sum(axis=0)
            self.fills.append(piece.fills)


def encode_extract(request: EncodeRequest, report: Report) -> EncodeResult:
    """Encode an extract and write the encodings and their map; ``report`` is told each step.

    Memory doesn't grow with the extract but for 24 bytes a row. Raises a `LinkageError` or an
    `OSError`, and then neither output is written.
    """
    inputs = [*request.extract.files, request.agreement, request.secret_file, request.columns]
    refuse_unusable((request.out, request.map_out), filter(None, inputs))
    agreement = _read_agreement(request)
    column_map = _read_columns(request)
    with (
        _opened_secret(request.secret_file) as secret,
        Encoder(agreement.scheme, secret) as encoder,
        Shuffler(request.out.parent) as shuffler,
    ):
        report("reading the extract")
        table = open_extract(request.extract)
        tally = _encode_pieces(request, encoder, table, column_map, shuffler, report)
        require_fills(agreement.scheme, merge_fills(tally.fills))
        report("writing")
        alternates = column_map.repeats == "alternates"
        header = Header(request.agency, agreement.scheme.digest(), encoder.layout, alternates)
        with written_together(request.map_out, request.out) as (map_sink, out_sink):
            tally.records = _write(map_sink, out_sink, header, shuffler)
    return _result(request, agreement, table, tally)


@contextmanager
def _opened_secret(path: Path) -> Iterator[LinkageSecret]:
    """Read the secret and wipe it at the end."""
    secret = read_secret(path)
    try:
        yield secret
    finally:
        secret.wipe()


def _encode_pieces(
    request: EncodeRequest,
    encoder: Encoder,
    table: OpenExtract,
    column_map: ColumnMap,
    shuffler: Shuffler,
    report: Report,
) -> _Tally:
    """Hand every piece, encoded, to the shuffler; raise `InputError` for what is wrong in any."""
    columns = resolve_columns(table, list(encoder.scheme.fields), column_map)
    tokens = RecordTokens()
    work = Piecework(encoder, tokens, table.header, columns, request.skip_bad_rows)
    tally = _Tally(np.zeros(len(encoder.layout), np.int64))
    for piece in in_order(work.encode, table.pieces):
        tally.add(piece, unique=column_map.repeats == "refuse")
        if piece.rows is not None:
            shuffler.add(piece.rows)
        report(f"encoded {tally.read:,} rows")
    tokens.wipe()
    _refuse_faults(tally, table, table.header[columns.record_id], skip=request.skip_bad_rows)
    return tally


def _refuse_faults(tally: _Tally, table: OpenExtract, id_heading: str, *, skip: bool) -> None:
    refuse_blank_ids(tally.faults, table.name, id_heading)
    refuse_repeated_ids(tally.faults.repeated_rows(), table.name, id_heading)
    if not skip:
        refuse_damaged(tally.faults, table.name)
    if not tally.rows:
        raise InputError(
            f"Every row of {table.name} has a damaged cell, so nothing is left to encode; look "
            "for columns mapped to the wrong field."
        )


def _read_agreement(request: EncodeRequest) -> Agreement:
    agreement = parse_agreement(read_text(request.agreement), request.agreement.name)
    agreement.require_party(request.agency)
    return agreement


def _read_columns(request: EncodeRequest) -> ColumnMap:
    if request.columns is None:
        return ColumnMap()
    return parse_column_map(read_text(request.columns), request.columns.name)


def _write(map_sink: IO[bytes], out_sink: IO[bytes], header: Header, shuffler: Shuffler) -> int:
    """Write both files in one random order; returns the number of records in the map."""
    records = 0

    def encodings(map_writer: Any) -> Iterator[Encodings]:
        nonlocal records
        for bucket in shuffler.shuffled():
            known = _map_of(bucket)
            map_writer.write_table(known)
            records += known.num_rows
            for rows in chunks(bucket):
                yield Encodings(header, rows.tokens, rows.bits, rows.present)

    with pq.ParquetWriter(map_sink, _MAP_SCHEMA, use_dictionary=False) as map_writer:
        write_encodings(out_sink, header, encodings(map_writer))
    return records


def _map_of(rows: Rows) -> Any:
    """Return the map's rows of a bucket: one per record, in the order of their first rows."""
    names = np.ascontiguousarray(rows.tokens).view("V16").ravel()
    _, first = np.unique(names, return_index=True)
    first.sort()
    tokens = rows.tokens[first]
    digits = np.stack([_HEX[tokens >> 4], _HEX[tokens & 15]], axis=2).reshape(len(tokens), -1)
    ends = np.arange(0, digits.size + 1, digits.shape[1], dtype=np.int32)
    hexed = pa.StringArray.from_buffers(len(tokens), pa.py_buffer(ends), pa.py_buffer(digits))
    return pa.table([hexed, rows.record_ids.take(pa.array(first))], schema=_MAP_SCHEMA)


def _result(
    request: EncodeRequest,
    agreement: Agreement,
    table: OpenExtract,
    tally: _Tally,
) -> EncodeResult:
    scheme = agreement.scheme
    warnings = [*table.warnings, *scheme_warnings(scheme)]
    if tally.skipped:
        rows = (
            "1 row with damaged cells was"
            if tally.skipped == 1
            else f"{tally.skipped:,} rows with damaged cells were"
        )
        warnings.append(f"{rows} left out of the encodings.")
    null = 1 - tally.present / tally.rows
    return EncodeResult(
        agency=request.agency,
        rows=tally.rows,
        records=tally.records,
        skipped=tally.skipped,
        null_shares={g.name: float(null[i]) for i, g in enumerate(scheme.group)},
        fills=merge_fills(tally.fills),
        scheme=scheme.version,
        scheme_digest=scheme.digest(),
        out=request.out,
        map_out=request.map_out,
        warnings=tuple(warnings),
    )
