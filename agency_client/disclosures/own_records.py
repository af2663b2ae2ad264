"""An agency's own records by their tokens: through its private map, in the extract it encoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from agency_client.columns import ColumnMap, ResolvedColumns, parse_column_map, resolve_columns
from agency_client.reading.pieces import Piece
from agency_client.reading.source import Source, file_source, open_extract
from agency_client.textfiles import read_text
from linkage.errors import InputError
from linkage.protocol.disclosure.release import Fields
from linkage.protocol.scheme import Scheme

RECORD_ID = "record_id"
BETWEEN_ALTERNATES = "; "
TOKEN = "record_token"  # noqa: S105 - the name of a column
SPACES = "".join(chr(c) for c in range(0x3001) if chr(c).isspace())


@dataclass(frozen=True)
class OwnFiles:
    """What an agency has encoded: the extract, its names for the fields (TOML), and the map."""

    extract: Source
    map: Path
    columns: Path | None = None


def record_ids_of(tokens: Iterable[bytes], own_map: Path) -> dict[bytes, str]:
    """Return the agency's record id for each token.

    Raises `InputError` where a token isn't in the map: of another push, or the matcher's invention.
    """
    wanted = {token.hex(): token for token in tokens}
    table = map_table(own_map)
    table = table.filter(pc.is_in(table[TOKEN], pa.array(sorted(wanted), pa.string())))
    pairs = zip(table[TOKEN].to_pylist(), table[RECORD_ID].to_pylist(), strict=True)
    found = {wanted[token]: str(record) for token, record in pairs}
    if len(found) < len(wanted):
        raise InputError(
            f"{len(wanted) - len(found):,} of {len(wanted):,} records that are asked for aren't in "
            f"{own_map.name}; give the map of the push that was linked. If it is that, the matcher "
            "asks for records that you never sent: release nothing, and tell the other parties."
        )
    return found


def tokens_of(record_ids: Iterable[str], own_map: Path) -> list[str]:
    """Return the tokens, in hex and in order, of some of the agency's records.

    Raises `InputError` where a record isn't in the map.
    """
    wanted = set(record_ids)
    table = map_table(own_map)
    table = table.filter(pc.is_in(table[RECORD_ID], pa.array(sorted(wanted), pa.string())))
    missing = len(wanted) - len(set(table[RECORD_ID].to_pylist()))
    if missing:
        raise InputError(
            f"{missing:,} of {len(wanted):,} records aren't in {own_map.name}; give the map of "
            "your newest push, and record ids as they are in the extract."
        )
    return sorted(set(table[TOKEN].to_pylist()))


def fields_of(
    record_ids: Iterable[str], own: OwnFiles, scheme: Scheme, fields: Iterable[str]
) -> dict[str, Fields]:
    """Return the fields of some records as the extract has them, by record id.

    Empty cells and columns that the agency doesn't hold are left out; what alternates of one record
    have differently stands side by side. Raises `InputError` for records that the extract lacks,
    and for anything that encoding wouldn't take.
    """
    wanted = set(record_ids)
    table = open_extract(own.extract)
    column_map = _column_map(own.columns)
    columns = resolve_columns(table, list(scheme.fields), column_map)
    chosen = {name: columns.fields[name] for name in fields}
    rows: dict[str, list[Fields]] = {}
    for piece in table.pieces:
        for record, row in _rows_of(piece, columns, chosen, wanted):
            rows.setdefault(record, []).append(row)
    _require_all(wanted, rows, table.name, column_map)
    return {record: _merged(found) for record, found in rows.items()}


def read_record_ids(path: Path) -> list[str]:
    """Return the record ids in a table with a column ``record_id``; raises `InputError`."""
    table = open_extract(file_source(path))
    if RECORD_ID not in table.header:
        raise InputError(f"{path.name} needs a column {RECORD_ID} with your own record ids.")
    place = table.header.index(RECORD_ID)
    found = [cell.strip() for piece in table.pieces for cell in piece.columns[place].to_pylist()]
    if not all(found):
        raise InputError(f"{path.name} has a row without a record id; take it out.")
    return sorted(set(found))


def map_table(path: Path) -> Any:
    """Return the whole map, columns ``record_token`` and ``record_id``; raises `InputError`."""
    try:
        table = pq.read_table(path, columns=[TOKEN, RECORD_ID])
    except (pa.ArrowException, ValueError):
        table = None
    if table is None or {str(field.type) for field in table.schema} != {"string"}:
        raise InputError(
            f"{path.name} is no map of 'agency-client encode'; give NAME.map.parquet, which lies "
            "beside the encodings."
        )
    return table


def _column_map(path: Path | None) -> ColumnMap:
    return ColumnMap() if path is None else parse_column_map(read_text(path), path.name)


def _rows_of(
    piece: Piece, columns: ResolvedColumns, chosen: Mapping[str, int | None], wanted: set[str]
) -> Iterator[tuple[str, Fields]]:
    """Yield the wanted rows of a piece: record id, and the fields that have something in them."""
    ids = pc.utf8_trim(piece.columns[columns.record_id], characters=SPACES)
    places = pc.indices_nonzero(pc.is_in(ids, pa.array(sorted(wanted), pa.string())))
    cells = {
        name: piece.columns[index].take(places).to_pylist()
        for name, index in chosen.items()
        if index is not None
    }
    for at, record in enumerate(ids.take(places).to_pylist()):
        row = {name: str(own[at]).strip() for name, own in cells.items()}
        yield record, {name: value for name, value in row.items() if value}


def _require_all(
    wanted: set[str], rows: Mapping[str, list[Fields]], name: str, column_map: ColumnMap
) -> None:
    if missing := wanted - set(rows):
        raise InputError(
            f"{len(missing):,} of {len(wanted):,} records that are asked for aren't in {name} (such"
            f" as {min(missing)!r}); give the extract that was encoded, or withhold them with a "
            "reason."
        )
    several = sorted(record for record, found in rows.items() if len(found) > 1)
    if several and column_map.repeats != "alternates":
        raise InputError(
            f"{name} has the record id {several[0]!r} more than once; keep one row of each, or let "
            "the column map say that they are alternates."
        )


def _merged(rows: list[Fields]) -> Fields:
    """Return one table for a record; what its rows have differently is joined."""
    merged: Fields = {}
    for name in sorted({name for row in rows for name in row}):
        values = dict.fromkeys(row[name] for row in rows if name in row)
        merged[name] = BETWEEN_ALTERNATES.join(values)
    return merged
