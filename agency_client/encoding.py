"""From an extract to encodings: read, map, standardise, encode, shuffle, attack, hide, write.

Piece by piece up to the shuffling. Then a sample is attacked, and only what withstands it, or what
somebody takes responsibility for, is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agency_client.columns import ColumnMap, parse_column_map, resolve_columns
from agency_client.faults import Faults, refuse_blank_ids, refuse_damaged, refuse_repeated_ids
from agency_client.keystore.vault import StoredSecret
from agency_client.leakage.guard import Guard
from agency_client.leakage.record import verdict
from agency_client.leakage.verdict import require_sayable
from agency_client.leakage_files import page_path
from agency_client.outputs import refuse_unusable, written_together
from agency_client.piecework import SAMPLED, EncodedPiece, Piecework, in_order
from agency_client.reading.pieces import OpenExtract
from agency_client.reading.source import Source, open_extract
from agency_client.sampling import Drawn, merge
from agency_client.shuffling import Shuffler
from agency_client.textfiles import read_text
from agency_client.writing import Written, write_outputs
from hashing.encoder import Encoder, PartFill, merge_fills, require_fills
from hashing.risk import LeakageReport
from hashing.secret import LinkageSecret, read_secret
from hashing.suppression import RepeatFinder
from hashing.tokens import RecordTokens
from linkage.encodings import Header
from linkage.errors import InputError
from linkage.protocol.agreement import Agreement, parse_agreement
from linkage.protocol.weakness import scheme_warnings

Report = Callable[[str], None]


@dataclass(frozen=True)
class EncodeRequest:
    """What to encode, under what, to where.

    ``secret`` is a file, or the keystore's for the agreement's epoch.
    ``overruled`` is the reason, if any, for writing encodings that give away more than the limit.
    A ``dry_run`` does all of the work and writes the leakage report alone.
    """

    extract: Source
    agreement: Path
    agency: str
    secret: Path | StoredSecret
    out: Path
    map_out: Path
    columns: Path | None = None
    skip_bad_rows: bool = False
    overruled: str | None = None
    dry_run: bool = False

    @property
    def guard(self) -> Guard:
        """Where the leakage report goes, and whether it is overruled."""
        reason = (self.overruled or "").strip() or None
        return Guard(self.agency, page_path(self.out), reason)


@dataclass(frozen=True)
class EncodeResult:
    """What was done, without a word about any person.

    ``rows`` counts the rows of the encodings, ``records`` those of the map, which are fewer where
    some have alternates; ``skipped`` counts the rows left out. ``null_shares`` gives per group the
    share of rows for which it is null, ``hidden_shares`` of those whose value others in the
    extract have, too. ``verdict`` is that of the leakage report in ``report``, ``attack_seconds``
    the time it took. ``warnings`` are sentences for the agency.
    """

    agency: str
    rows: int
    records: int
    skipped: int
    null_shares: dict[str, float]
    hidden_shares: dict[str, float]
    fills: tuple[PartFill, ...]
    scheme: str
    scheme_digest: str
    out: Path
    map_out: Path
    report: Path
    verdict: str
    attack_seconds: float
    warnings: tuple[str, ...]


@dataclass(repr=False)
class _Tally:
    """What is known of the pieces so far."""

    present: NDArray[np.int64]
    finder: RepeatFinder | None
    drawn: Drawn | None = None
    rows: int = 0
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
        if piece.rows is not None and piece.fills is not None and piece.drawn is not None:
            self.rows += len(piece.rows)
            self.present += piece.rows.present.sum(axis=0)
            self.fills.append(piece.fills)
            if self.finder is not None:
                self.finder.add(piece.rows.tokens, piece.rows.bits, piece.rows.present)
            self.drawn = merge(self.drawn, piece.drawn, SAMPLED) if self.drawn else piece.drawn


def encode_extract(request: EncodeRequest, report: Report) -> EncodeResult:
    """Encode an extract and write the encodings and their map; ``report`` is told each step.

    Memory doesn't grow with the extract but for 24 bytes a row and 8 more for each group. Raises a
    `LinkageError` or an `OSError`, and then neither is written; the leakage report is written
    whatever its verdict.
    """
    secret_file = request.secret if isinstance(request.secret, Path) else None
    inputs = [*request.extract.files, request.agreement, secret_file, request.columns]
    outputs = (request.out, request.map_out, *request.guard.files)
    refuse_unusable(outputs, filter(None, inputs))
    require_sayable(request.guard.overruled)
    agreement = _read_agreement(request)
    clean = agreement.is_clean(request.agency)
    column_map = _read_columns(request)
    alternates = column_map.repeats == "alternates"
    with (
        _opened_secret(request.secret) as secret,
        Encoder(agreement.scheme, secret) as encoder,
        Shuffler(request.out.parent) as shuffler,
    ):
        report("reading the extract")
        table = open_extract(request.extract)
        finder = None
        if agreement.scheme.local_suppression and clean:
            finder = RepeatFinder(encoder.layout, alternates=alternates)
        tally = _encode_pieces(request, encoder, table, column_map, shuffler, finder, report)
        require_fills(agreement.scheme, merge_fills(tally.fills))
        assert tally.drawn is not None, "an extract without any sound row is refused"
        leakage = request.guard.attack(
            agreement.scheme, secret, tally.drawn.rows, report, clean=clean
        )
        header = Header(
            request.agency,
            agreement.scheme.digest(),
            encoder.layout,
            alternates,
            sha256(request.guard.record(leakage)).hexdigest(),
        )
        written = (
            None if request.dry_run else _write(request, header, shuffler, finder, secret, report)
        )
    return _result(request, agreement, table, tally, leakage, written)


def _write(
    request: EncodeRequest,
    header: Header,
    shuffler: Shuffler,
    finder: RepeatFinder | None,
    secret: LinkageSecret,
    report: Report,
) -> Written:
    report("writing")
    repeats = finder.repeats() if finder else None
    with written_together(request.map_out, request.out) as (map_sink, out_sink):
        return write_outputs(map_sink, out_sink, header, shuffler, repeats, secret)


@contextmanager
def _opened_secret(source: Path | StoredSecret) -> Iterator[LinkageSecret]:
    """Read the secret and wipe it at the end."""
    if isinstance(source, StoredSecret):
        with source.lent() as lent:
            yield lent
        return
    secret = read_secret(source)
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
    finder: RepeatFinder | None,
    report: Report,
) -> _Tally:
    """Hand every piece, encoded, to the shuffler; raise `InputError` for what is wrong in any."""
    columns = resolve_columns(table, list(encoder.scheme.fields), column_map)
    tokens = RecordTokens()
    work = Piecework(encoder, tokens, table.header, columns, request.skip_bad_rows)
    tally = _Tally(np.zeros(len(encoder.layout), np.int64), finder)
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


def _result(
    request: EncodeRequest,
    agreement: Agreement,
    table: OpenExtract,
    tally: _Tally,
    leakage: LeakageReport,
    written: Written | None,
) -> EncodeResult:
    scheme = agreement.scheme
    null = 1 - tally.present / tally.rows
    hidden = (written.hidden if written else 0 * tally.present) / np.maximum(tally.present, 1)
    return EncodeResult(
        agency=request.agency,
        rows=tally.rows,
        records=written.records if written else 0,
        skipped=tally.skipped,
        null_shares={g.name: float(null[i]) for i, g in enumerate(scheme.group)},
        hidden_shares={g.name: float(hidden[i]) for i, g in enumerate(scheme.group)},
        fills=merge_fills(tally.fills),
        scheme=scheme.version,
        scheme_digest=scheme.digest(),
        out=request.out,
        map_out=request.map_out,
        report=request.guard.page,
        verdict=verdict(leakage, request.guard.overruled),
        attack_seconds=leakage.seconds,
        warnings=tuple(_warnings(request, agreement, table, tally, written)),
    )


def _warnings(
    request: EncodeRequest,
    agreement: Agreement,
    table: OpenExtract,
    tally: _Tally,
    written: Written | None,
) -> list[str]:
    scheme = agreement.scheme
    warnings = [*table.warnings, *scheme_warnings(scheme)]
    if tally.skipped:
        rows = (
            "1 row with damaged cells was"
            if tally.skipped == 1
            else f"{tally.skipped:,} rows with damaged cells were"
        )
        warnings.append(f"{rows} left out of the encodings.")
    if scheme.local_suppression and tally.finder is None:
        warnings.append(
            f"{request.agency} isn't clean by the agreement, so what its records share isn't "
            "hidden; de-duplicate the extract and let the agreement say so."
        )
    if written and written.wholly_hidden:
        warnings.append(
            f"{written.wholly_hidden:,} rows share every group with another record and can't be "
            "linked; if they are copies, bring them together with `agency-client dedupe`."
        )
    return warnings
