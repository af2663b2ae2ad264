"""From an extract to encodings: read, map, standardise, encode, shuffle, write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from agency_client.columns import (
    ColumnMap,
    ResolvedColumns,
    parse_column_map,
    record_ids,
    resolve_columns,
)
from agency_client.extract import Extract, read_extract
from agency_client.outputs import refuse_unusable, write_together
from hashing.encoder import EncodedRows, Encoder, PartFill
from hashing.secret import read_secret
from hashing.standardise import RefusedCell, StandardRows
from hashing.tokens import random_order, random_tokens
from linkage.encodings import Encodings, Header, write_encodings
from linkage.errors import InputError
from linkage.protocol.agreement import Agreement, parse_agreement

_CELLS_SHOWN = 5
_CELL_WIDTH = 40

Report = Callable[[str], None]


@dataclass(frozen=True)
class EncodeRequest:
    """What to encode, under what, to where."""

    extract: Path
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

    ``skipped`` counts the rows left out, ``null_shares`` gives per group the share of records for
    which it is null, ``warnings`` are sentences for the agency.
    """

    agency: str
    rows: int
    skipped: int
    null_shares: dict[str, float]
    fills: tuple[PartFill, ...]
    scheme: str
    scheme_digest: str
    out: Path
    map_out: Path
    warnings: tuple[str, ...]


def encode_extract(request: EncodeRequest, report: Report) -> EncodeResult:
    """Encode an extract and write the encodings and their map; ``report`` is told each step.

    Raises a `LinkageError` or an `OSError`, and then neither output is written.
    """
    inputs = [request.extract, request.agreement, request.secret_file, request.columns]
    refuse_unusable((request.out, request.map_out), filter(None, inputs))
    agreement = _read_agreement(request)
    encoder = Encoder(agreement.scheme, read_secret(request.secret_file))

    report("reading the extract")
    extract = read_extract(request.extract)
    columns = resolve_columns(extract, list(agreement.scheme.fields), _read_columns(request))
    ids = np.array(record_ids(extract, columns), dtype=object)

    report("standardising")
    rows = encoder.standardise(_field_columns(extract, columns))
    keep = _sound_rows(extract, columns, rows, skip=request.skip_bad_rows)

    encoded = encoder.encode(rows.keep(keep), lambda group: report(f"encoding {group}"))
    report("writing")
    encodings, shuffled_ids = _shuffled(request.agency, encoder, encoded, ids[keep])
    _write(request, encodings, shuffled_ids)
    return _result(request, agreement, encoded, extract, int((~keep).sum()))


def _read_agreement(request: EncodeRequest) -> Agreement:
    agreement = parse_agreement(_read_text(request.agreement), request.agreement.name)
    agreement.require_party(request.agency)
    return agreement


def _read_columns(request: EncodeRequest) -> ColumnMap:
    if request.columns is None:
        return ColumnMap()
    return parse_column_map(_read_text(request.columns), request.columns.name)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is not text in UTF-8; save it as UTF-8.") from None


def _field_columns(extract: Extract, columns: ResolvedColumns) -> dict[str, Sequence[str]]:
    empty = ("",) * len(extract)
    return {
        field: empty if index is None else extract.columns[index]
        for field, index in columns.fields.items()
    }


def _sound_rows(
    extract: Extract, columns: ResolvedColumns, rows: StandardRows, *, skip: bool
) -> NDArray[np.bool_]:
    """Return which records to encode, bool (records,); raise `InputError` for damaged cells."""
    keep = np.ones(len(extract), np.bool_)
    refused = rows.refused()
    if refused and not skip:
        raise InputError(_bad_cells_sentence(extract, columns, refused))
    keep[[cell.row for cell in refused]] = False
    if not keep.any():
        raise InputError(
            f"Every row of {extract.name} has a damaged cell, so nothing is left to encode; look "
            "for columns mapped to the wrong field."
        )
    return keep


def _bad_cells_sentence(
    extract: Extract, columns: ResolvedColumns, refused: Sequence[RefusedCell]
) -> str:
    shown = "; ".join(_describe(extract, columns, cell) for cell in refused[:_CELLS_SHOWN])
    more = len(refused) - _CELLS_SHOWN
    count = "1 damaged cell" if len(refused) == 1 else f"{len(refused):,} damaged cells"
    return (
        f"{extract.name} has {count}: {shown}{f'; and {more:,} more' if more > 0 else ''}; mend "
        "them, leave these rows out with '--bad-rows skip', or have the agreement say "
        'damaged = "missing" or "keep" for these fields.'
    )


def _describe(extract: Extract, columns: ResolvedColumns, cell: RefusedCell) -> str:
    index = columns.fields[cell.field]
    assert index is not None, "an absent column has no cells"
    text = extract.columns[index][cell.row]
    quoted = repr(text if len(text) <= _CELL_WIDTH else text[:_CELL_WIDTH] + "…")
    row, column = extract.row_numbers[cell.row], extract.header[index]
    return f"row {row}, column {column!r}: {quoted} is {cell.reason}"


def _shuffled(
    agency: str, encoder: Encoder, encoded: EncodedRows, ids: NDArray[np.object_]
) -> tuple[Encodings, list[str]]:
    """Return the encodings and the record ids in one random order, under random tokens."""
    order = random_order(len(ids))
    header = Header(agency, encoder.scheme.digest(), encoder.layout)
    encodings = Encodings(
        header, random_tokens(len(ids)), encoded.bits[order], encoded.present[order]
    )
    return encodings, ids[order].tolist()


def _write(request: EncodeRequest, encodings: Encodings, ids: list[str]) -> None:
    tokens = [token.tobytes().hex() for token in encodings.tokens]
    table = pa.table({"record_token": tokens, "record_id": ids})

    def write_map(sink: IO[bytes]) -> None:
        pq.write_table(table, sink)

    def write_out(sink: IO[bytes]) -> None:
        write_encodings(sink, encodings.header, [encodings])

    write_together(request.map_out, write_map, request.out, write_out)


def _result(
    request: EncodeRequest,
    agreement: Agreement,
    encoded: EncodedRows,
    extract: Extract,
    skipped: int,
) -> EncodeResult:
    scheme = agreement.scheme
    warnings = list(extract.warnings)
    plain = [group.name for group in scheme.group if group.similarity == "dice"]
    if plain:
        warnings.append(
            f"The scheme leaves the group {', '.join(plain)} undiffused; whoever holds a list of "
            "the population re-identifies such encodings, so give them to nobody you wouldn't "
            "give the names."
        )
    if skipped:
        rows = (
            "1 row with damaged cells was"
            if skipped == 1
            else f"{skipped:,} rows with damaged cells were"
        )
        warnings.append(f"{rows} left out of the encodings.")
    null = (~encoded.present).mean(axis=0)
    return EncodeResult(
        agency=request.agency,
        rows=len(encoded.present),
        skipped=skipped,
        null_shares={g.name: float(null[i]) for i, g in enumerate(scheme.group)},
        fills=encoded.fills,
        scheme=scheme.version,
        scheme_digest=scheme.digest(),
        out=request.out,
        map_out=request.map_out,
        warnings=tuple(warnings),
    )
