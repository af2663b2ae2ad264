"""Opening: what the holders have sealed to this recipient, verified, laid out and written down.

Files are written under another name, the opening is entered in the log, and only then do they get
their own: nobody reads what the log doesn't say was opened.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agency_client.disclosures.comparing import comparable
from agency_client.disclosures.moving import moment, send
from agency_client.disclosures.office import Office
from agency_client.log_export import harmless
from agency_client.outputs import PARTIAL_SUFFIX
from linkage.entries import VerifiedFile
from linkage.errors import InputError
from linkage.protocol.disclosure.history import Case
from linkage.protocol.disclosure.messages import Opening, digest_of
from linkage.protocol.disclosure.release import Fields, open_release
from linkage.protocol.disclosure.side_by_side import Table, side_by_side

ABOUT = "about.txt"


@dataclass(frozen=True, repr=False)
class Opened:
    """What holders have disclosed, one table per cluster, and by which sealed messages."""

    case: Case
    tables: tuple[Table, ...]
    digests: Mapping[str, str]


def unseal(office: Office, case: Case) -> Opened:
    """Return what was released to this party so far, in memory alone.

    Raises `PolicyError` unless it is a recipient's and there is something to open,
    `VerificationError` where what comes isn't what a holder has signed for.
    """
    case.life.open(office.name)
    disclosed: dict[str, Mapping[str, Sequence[Fields]]] = {}
    digests = {}
    for holder in sorted(case.releases):
        sealed = office.api.sealed(case.digest, holder)
        disclosed[holder] = open_release(case, holder, sealed, office.own)
        digests[holder] = digest_of(sealed)
    compared = comparable(office.agreement.scheme)
    tables = side_by_side(disclosed, case.proposal.fields, compared)
    return Opened(case, tuple(tables), digests)


def open_into(office: Office, opened: Opened, folder: Path, about: str) -> VerifiedFile:
    """Write the tables into a new folder, and say that they were opened.

    ``about`` is what its reader has to know beside them. If anything fails, no file is left.
    """
    refuse_folder(folder)
    partial = folder.with_name(folder.name + PARTIAL_SUFFIX)
    _remove(partial)
    partial.mkdir(mode=0o700)
    try:
        for table in opened.tables:
            _write(partial / table_name(table), table_csv(table))
        _write(partial / ABOUT, about.encode())
        case = opened.case
        said = Opening(case.digest, moment(office, case), dict(opened.digests))
        found = send(office, case, said)
        partial.rename(folder)
    finally:
        _remove(partial)
    return found


def refuse_folder(folder: Path) -> None:
    """Raise `InputError` unless a folder can be made there."""
    if not folder.name or folder.exists():
        raise InputError(f"{folder} exists already, or is no name for a folder; choose another.")
    if not folder.parent.is_dir():
        raise InputError(f"The folder {folder.parent} for {folder.name} doesn't exist; make it.")


def table_name(table: Table) -> str:
    """Return the name of a cluster's file."""
    return f"{table.cluster}.csv"


def table_csv(table: Table) -> bytes:
    """Return a table as CSV: a line per field, a column per record, conflicts in a column.

    Nothing in it is run as a formula by a spreadsheet.
    """
    text = io.StringIO()
    lines = csv.writer(text, quoting=csv.QUOTE_ALL)
    lines.writerow(["field", "conflict", *headings(table)])
    for row in table.rows:
        values = [value for own in row.values for value in own]
        cells = [row.field, "differs" if row.conflict else "", *values]
        lines.writerow(map(harmless, cells))
    # The byte-order mark tells spreadsheets that this is UTF-8.
    return text.getvalue().encode("utf-8-sig")


def headings(table: Table) -> list[str]:
    """Return the heading of each record: its agency, numbered where it has several."""
    counts = [len(own) for own in table.rows[0].values]
    found = []
    for agency, count in zip(table.agencies, counts, strict=True):
        found += [agency] if count == 1 else [f"{agency} {n}" for n in range(1, count + 1)]
    return found


def _write(path: Path, content: bytes) -> None:
    """Write a file, readable by its owner only, in a folder that counts only as a whole."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as sink:
        sink.write(content)


def _remove(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
