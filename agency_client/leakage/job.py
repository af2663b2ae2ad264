"""Attacking a sample of an extract's encodings, and writing down what came of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agency_client.columns import ColumnMap, parse_column_map, resolve_columns
from agency_client.extract import Extract, read_extract
from agency_client.leakage.page import as_html
from agency_client.leakage.record import as_json
from agency_client.outputs import refuse_unusable, write_together
from agency_client.textfiles import read_text
from hashing.risk import LeakageReport, assess
from hashing.secret import read_secret
from hashing.standardise import StandardRows, standardise
from linkage.errors import InputError
from linkage.protocol.agreement import parse_agreement
from linkage.protocol.scheme import Scheme

# Enough to draw samples from; the attacks look at some thousand records at the most.
_MOST_ROWS = 20_000

Report = Callable[[str], None]


@dataclass(frozen=True)
class LeakageRequest:
    """Which extract to attack, as it would be encoded, and where the report goes."""

    extract: Path
    agreement: Path
    agency: str
    secret_file: Path
    out: Path
    columns: Path | None
    overruled: str | None

    @property
    def json_out(self) -> Path:
        """The report in JSON, beside the page."""
        return self.out.with_suffix(".json")


def report_leakage(request: LeakageRequest, report: Report) -> LeakageReport:
    """Attack the encodings of an extract and write the report, whatever the verdict."""
    inputs = [request.extract, request.agreement, request.secret_file, request.columns]
    refuse_unusable((request.out, request.json_out), filter(None, inputs))
    agreement = parse_agreement(read_text(request.agreement), request.agreement.name)
    agreement.require_party(request.agency)
    secret = read_secret(request.secret_file)
    report("reading the extract")
    rows = _sound_sample(agreement.scheme, read_extract(request.extract), _column_map(request))
    leakage = assess(agreement.scheme, secret, rows, seed=secrets.randbits(64), report=report)
    _write(request, leakage)
    return leakage


def _column_map(request: LeakageRequest) -> ColumnMap:
    if request.columns is None:
        return ColumnMap()
    return parse_column_map(read_text(request.columns), request.columns.name)


def _sound_sample(scheme: Scheme, extract: Extract, column_map: ColumnMap) -> StandardRows:
    """Return up to `_MOST_ROWS` random records, standardised, without those that are refused."""
    columns = resolve_columns(extract, list(scheme.fields), column_map)
    count = min(len(extract), _MOST_ROWS)
    chosen = secrets.SystemRandom().sample(range(len(extract)), count)
    rows = standardise(
        scheme,
        {
            field: [""] * count if place is None else [extract.columns[place][k] for k in chosen]
            for field, place in columns.fields.items()
        },
    )
    sound = np.ones(count, np.bool_)
    sound[[cell.row for cell in rows.refused()]] = False
    if not sound.any():
        raise InputError(f"Every row of {extract.name} has a damaged cell; mend the extract first.")
    return rows.keep(sound)


def _write(request: LeakageRequest, leakage: LeakageReport) -> None:
    page = as_html(leakage, request.agency, request.overruled)
    record = as_json(leakage, request.agency, request.overruled)
    write_together(
        request.json_out,
        lambda sink: sink.write(record.encode()),
        request.out,
        lambda sink: sink.write(page.encode()),
    )
