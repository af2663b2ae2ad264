"""A cohort's directory, written whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from agency_client.cohort.pulling.overview import overview_page
from agency_client.cohort.tables import (
    COHORT_FILE,
    DICTIONARY_FILE,
    OVERVIEW_FILE,
    dictionary_rows,
    table_file,
)
from agency_client.outputs import PARTIAL_SUFFIX
from linkage.errors import InputError
from linkage.protocol.sections.payload import Payload

_OWNER_ONLY = 0o700


def refuse_unusable_folder(folder: Path) -> None:
    """Raise `InputError` for a folder that exists already or can't be made."""
    if folder.exists():
        raise InputError(
            f"{folder} exists already, and a cohort is never overwritten; name another."
        )
    if not folder.parent.is_dir():
        raise InputError(f"The folder {folder.parent} for {folder.name} doesn't exist; make it.")


def write_cohort(
    folder: Path, tables: Mapping[str, Any], facts: Mapping[str, Any], payload: Payload
) -> None:
    """Write the tables and what there is to say of them; ``facts`` is what ``cohort.json`` says.

    Everything is written beside its place as ``NAME.partial``, readable by its owner only, and
    renamed at the end; a failure leaves nothing.
    """
    partial = folder.with_name(folder.name + PARTIAL_SUFFIX)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=_OWNER_ONLY)
    try:
        contents = {table_file(name): _parquet(own) for name, own in tables.items()}
        digests = {name: hashlib.sha256(own).hexdigest() for name, own in contents.items()}
        described = {**facts, "digests": digests}
        contents[DICTIONARY_FILE] = _dictionary(payload)
        contents[OVERVIEW_FILE] = overview_page(described, tables, payload).encode()
        contents[COHORT_FILE] = (
            json.dumps(described, indent=2, ensure_ascii=False) + "\n"
        ).encode()
        for name, content in contents.items():
            _write(partial / name, content)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _parquet(table: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


def _dictionary(payload: Payload) -> bytes:
    rows = list(dictionary_rows(payload))
    sink = io.StringIO()
    writer = csv.DictWriter(sink, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue().encode()


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as sink:
        sink.write(content)
        sink.flush()
        os.fsync(sink.fileno())
