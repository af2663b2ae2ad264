"""CSV files, piece by piece."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from agency_client.reading.pieces import (
    PIECE_ROWS,
    OpenExtract,
    Piece,
    clean_header,
    piece_of_rows,
    with_records,
)
from agency_client.reading.scanner import scan
from linkage.errors import InputError

DELIMITERS = (",", ";", "\t", "|")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MEND = "save it from the spreadsheet as 'CSV UTF-8'"
_BREAK = re.compile(rb"\r\n|\r|\n")
_BLOCK = 1 << 22
_NOT_IN_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")


def open_text(path: Path) -> OpenExtract:
    """Open a CSV file with a header row, in UTF-8 or, with a warning, in Windows-1252.

    The delimiter is whichever of comma, semicolon, tab and bar the header has most of. Blank
    lines are passed over. Raises `InputError` for anything that is not a whole table of text.
    """
    source = _rewindable(path)
    encoding, warnings = _encoding(source, path.name)
    source.seek(len(codecs.BOM_UTF8) if encoding == "utf-8-sig" else 0)
    reader = _Reader(source, encoding.removesuffix("-sig"), path.name)
    pieces = with_records(reader.pieces(), path.name)
    return OpenExtract(path.name, reader.header, pieces, warnings)


def _rewindable(path: Path) -> IO[bytes]:
    source = path.open("rb")
    if source.seekable():
        return source
    with source:
        return io.BytesIO(source.read())


def _encoding(source: IO[bytes], name: str) -> tuple[str, tuple[str, ...]]:
    """Read everything once; return utf-8, utf-8-sig or cp1252, and what to warn of."""
    survey = _Survey()
    for block in iter(lambda: source.read(_BLOCK), b""):
        if not survey.lines and block.startswith(_UTF16):
            raise InputError(f"{name} is in UTF-16, which isn't read; {_MEND}.")
        if b"\0" in block:
            place = survey.line(block, block.index(0))
            raise InputError(
                f"{name} has NUL bytes on line {place}, so it is not a CSV file (perhaps a "
                f"workbook, or damaged); {_MEND}."
            )
        survey.add(block)
    if survey.blank:
        raise InputError(f"{name} is empty; export it again.")
    survey.end()
    if survey.not_utf8 is None:
        return ("utf-8-sig" if survey.marked else "utf-8"), ()
    if (line := _line_beyond_1252(source)) is not None:
        raise InputError(
            f"{name}, line {line}, has bytes that are neither UTF-8 nor Windows-1252; {_MEND}."
        )
    warning = (
        f"{name} is not in UTF-8 (see line {survey.not_utf8}) and was read as Windows-1252; "
        f"if names look wrong, {_MEND}."
    )
    return "cp1252", (warning,)


def _line_beyond_1252(source: IO[bytes]) -> int | None:
    """Return the first line with a byte that Windows-1252 doesn't have."""
    source.seek(0)
    lines = 1
    for block in iter(lambda: source.read(_BLOCK), b""):
        if found := _NOT_IN_1252.search(block):
            return lines + block.count(b"\n", 0, found.start())
        lines += block.count(b"\n")
    return None


class _Survey:
    """What is seen of a file in one reading: whether it is blank, and in UTF-8."""

    def __init__(self) -> None:
        self.lines = 0
        self.blank = True
        self.marked = False
        self.not_utf8: int | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def line(self, block: bytes, offset: int) -> int:
        """Return the line of a place in the block that comes next."""
        return self.lines + block.count(b"\n", 0, offset) + 1

    def add(self, block: bytes) -> None:
        """Look at the next block."""
        if self.blank:
            self.marked = block.startswith(codecs.BOM_UTF8)
            self.blank = not block.strip()
        if self.not_utf8 is None:
            begun = self._decoder.getstate()[0]
            try:
                self._decoder.decode(block)
            except UnicodeDecodeError as error:
                self.not_utf8 = self.line(begun + block, error.start)
        self.lines += block.count(b"\n")

    def end(self) -> None:
        """Notice a character that the file's end cuts off."""
        if self.not_utf8 is None and self._decoder.getstate()[0]:
            self.not_utf8 = self.lines + 1


class _Reader:
    """Reads records by the compiled scanner, and odd rows by `csv`, which has words for faults."""

    def __init__(self, source: IO[bytes], encoding: str, name: str) -> None:
        self._source = source
        self._encoding = encoding
        self._name = name
        self._text = b""
        self._ends = False
        self._rows = self._lines = 0
        self._delimiter = self._sniffed()
        self.header = clean_header(self._header_row(), name)

    def pieces(self) -> Iterator[Piece]:
        """Yield the records in their order."""
        with self._source:
            while self._text or not self._ends:
                data = np.frombuffer(self._text, np.uint8)
                width = len(self.header)
                found = scan(data, self._delimiter, width, PIECE_ROWS, ends=self._ends)
                if len(found.numbers):
                    yield Piece(found.columns, found.numbers + self._rows)
                self._text = self._text[found.used :]
                self._rows += found.seen
                self._lines += found.lines
                if found.stopped:
                    yield from self._odd_row()
                elif len(found.numbers) < PIECE_ROWS:
                    self._more()

    def _more(self) -> None:
        block = self._source.read(_BLOCK)
        self._ends = not block
        # The scanner knows UTF-8 alone, in which every delimiter is a byte of its own.
        self._text += block if self._encoding == "utf-8" else block.decode("cp1252").encode()

    def _sniffed(self) -> str:
        """Return the delimiter that the first line with text in it has most of."""
        line = next((line for line in self._plain_lines() if line.strip()), b"")
        unquoted = b"".join(line.split(b'"')[::2]).decode()
        return max(DELIMITERS, key=unquoted.count)

    def _header_row(self) -> list[str]:
        while (row := self._plain_row()) is not None:
            if any(row):
                return row
        return []

    def _odd_row(self) -> Iterator[Piece]:
        row = self._plain_row()
        if row is None or not any(row):
            return
        if len(row) != len(self.header):
            raise InputError(
                f"{self._name}, row {self._rows}, has {len(row)} cells and the header has "
                f"{len(self.header)}; look for a missing quotation mark or a stray delimiter there."
            )
        yield piece_of_rows([row], [self._rows])

    def _plain_row(self) -> list[str] | None:
        """Take one row off the front, by `csv`; None at the end."""
        used = 0

        def lines() -> Iterator[str]:
            nonlocal used
            for line in self._plain_lines():
                used += len(line)
                yield line.decode()

        reader = csv.reader(lines(), delimiter=self._delimiter, strict=True)
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise InputError(
                f"{self._name}, line {self._lines + reader.line_num}, is not readable as CSV "
                f"({error}); look for a quotation mark that is never closed, there or above."
            ) from None
        self._text = self._text[used:]
        self._lines += reader.line_num
        self._rows += 1
        return row

    def _plain_lines(self) -> Iterator[bytes]:
        """Yield the lines that are still to be read, without taking them off the front."""
        start = 0
        while True:
            found = _BREAK.search(self._text, start)
            # Of a carriage return at the end it isn't known yet whether a line feed follows.
            if found and (found.end() < len(self._text) or found[0] != b"\r" or self._ends):
                yield self._text[start : found.end()]
                start = found.end()
            elif not self._ends:
                self._more()
            else:
                if start < len(self._text):
                    yield self._text[start:]
                return
