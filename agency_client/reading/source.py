"""Which table is meant, and what form it is in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agency_client.reading.pieces import OpenExtract

_TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".psv")
_PARQUET_ENDINGS = (".parquet", ".pq")
_WORKBOOK_ENDINGS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_PARQUET_MAGIC = b"PAR1"
# ZIP archives are workbooks of today, compound files are those of before 2007 or encrypted ones.
_WORKBOOK_MAGIC = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")


@dataclass(frozen=True)
class FileSource:
    """A file; ``sheet`` is that of a workbook, None for its first."""

    path: Path
    sheet: str | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are read."""
        return (self.path,)


@dataclass(frozen=True)
class QuerySource:
    """A query in ``query`` on the database whose URL is in ``database``."""

    query: Path
    database: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are read."""
        return (self.query, self.database)


Source = FileSource | QuerySource


def file_source(path: Path) -> FileSource:
    """Understand ``FILE.xlsx#Sheet``; a file whose own name has a ``#`` is that file."""
    name, mark, sheet = path.name.rpartition("#")
    if mark and not path.exists() and Path(name).suffix.lower() in _WORKBOOK_ENDINGS:
        return FileSource(path.with_name(name), sheet)
    return FileSource(path)


def open_extract(source: Source) -> OpenExtract:
    """Open an extract by its file's ending or, failing that, its first bytes.

    Raises `OSError`, and `InputError` for anything that isn't a whole table.
    """
    if isinstance(source, QuerySource):
        from agency_client.reading.sql import open_query  # noqa: PLC0415 - only where asked for

        return open_query(source.query, source.database)
    match _form(source.path):
        case "parquet":
            from agency_client.reading.parquet import open_parquet  # noqa: PLC0415

            return open_parquet(source.path)
        case "workbook":
            from agency_client.reading.workbook import open_workbook  # noqa: PLC0415

            return open_workbook(source.path, source.sheet)
        case _:
            from agency_client.reading.text import open_text  # noqa: PLC0415

            return open_text(source.path)


def _form(path: Path) -> str:
    ending = path.suffix.lower()
    if ending in _TEXT_ENDINGS or not path.is_file():
        return "text"
    if ending in _PARQUET_ENDINGS:
        return "parquet"
    if ending in _WORKBOOK_ENDINGS:
        return "workbook"
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(_PARQUET_MAGIC):
        return "parquet"
    return "workbook" if start.startswith(_WORKBOOK_MAGIC) else "text"
