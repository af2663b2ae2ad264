"""A matcher's uploads under a made-up agreement, and files of encodings that fit it."""

from __future__ import annotations

import hashlib
import io
import time
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, insert

from linkage.audit.verification import Trust, verify_bundle
from linkage.encodings import Encodings, GroupLayout, Header, write_encodings
from linkage.protocol.agreement import Agreement
from linkage.protocol.keys import Identity
from linkage.protocol.upload import (
    Announcement,
    Manifest,
    UploadState,
    part_count,
    sign_manifest,
)
from matcher.config.settings import UploadSettings
from matcher.ledger.ledger import Ledger
from matcher.objects.objects import Objects
from matcher.store.database import Database
from matcher.store.tables import agreements, rounds
from matcher.uploads.failures import BusyError
from matcher.uploads.service import Uploads
from tests.linkage.audit.made_up import KEYS, LOG
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.parties import CARE, HEALTH, POLICE
from tests.synthetic import random_bits

DIGEST = AGREEMENT.digest()
LAYOUT = tuple(GroupLayout(group.name, group.length) for group in AGREEMENT.scheme.group)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PART = 2**16
LIMITS = UploadSettings(most_bytes=2**24, part_size=PART, most_open=2, days=7)
PARTIES = {own.name: own for own in (POLICE, CARE, HEALTH)}


def encodings(agency: str, rows: int, seed: int = 0, **header: object) -> Encodings:
    rng = np.random.default_rng([seed, rows])
    words = max(group.length for group in LAYOUT) // 64
    used = np.stack([np.arange(words) < group.length // 64 for group in LAYOUT])
    present = rng.random((rows, len(LAYOUT))) < 0.9
    bits = random_bits(rng, rows, len(LAYOUT), words) * present[:, :, None] * used
    tokens = rng.integers(0, 256, (rows, 16), dtype=np.uint8)
    made = Header(agency, AGREEMENT.scheme.digest(), LAYOUT)
    return Encodings(replace(made, **header), tokens, bits, present)


def file_of(agency: str, rows: int = 2000, seed: int = 0, **header: object) -> bytes:
    made = encodings(agency, rows, seed, **header)
    sink = io.BytesIO()
    write_encodings(sink, made.header, [made])
    return sink.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def announcement(data: bytes) -> Announcement:
    return Announcement(sha256(data), len(data))


def parts_of(data: bytes, part_size: int = PART) -> list[bytes]:
    return [data[at : at + part_size] for at in range(0, len(data), part_size)]


def closing(data: bytes) -> tuple[int, str]:
    """Return what closes a file of encodings: the number of rows, and their digest."""
    with pa.ipc.open_file(io.BytesIO(data)) as reader:
        found = reader.get_batch_with_custom_metadata(reader.num_record_batches - 1)[1]
    return int(found[b"rows"]), found[b"sha256"].decode()


def manifest(state: UploadState, data: bytes, own: Identity, **changes: object) -> bytes:
    try:
        rows, digest = closing(data)
    except pa.ArrowException:  # whatever the test has made of the file
        rows, digest = 0, "00" * 32
    made = Manifest(
        agreement=DIGEST,
        epoch=1,
        round=state.round,
        upload=state.id,
        sha256=state.sha256,
        size=state.size,
        part_size=state.part_size,
        parts=tuple(sha256(part) for part in parts_of(data, state.part_size)),
        rows=rows,
        encodings=digest,
    )
    return sign_manifest(replace(made, **changes), own)


def admit(database: Database, agreement: Agreement = AGREEMENT, newest: int = 1) -> None:
    """Store an agreement with open rounds, as if its parties had answered."""
    with database.writing() as connection:
        connection.execute(
            insert(agreements).values(
                digest=agreement.digest(),
                id=agreement.agreement.id,
                version=agreement.agreement.version,
                epoch=agreement.agreement.epoch,
                content=agreement.content(),
                admitted=0,
            )
        )
    for number in range(1, newest + 1):
        open_round(database, number, agreement)


def open_round(database: Database, number: int, agreement: Agreement = AGREEMENT) -> None:
    with database.writing() as connection:
        values = {"agreement": agreement.digest(), "round": number, "opened": 0}
        connection.execute(insert(rounds).values(**values))


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def service(
    database: Database,
    objects: Objects,
    clock: Clock | None = None,
    limits: UploadSettings = LIMITS,
    on_commit: object = None,
) -> Uploads:
    def nothing(connection: Connection, digest: str, number: int) -> None:
        assert connection.in_transaction()

    ledger = Ledger(database, LOG)
    return Uploads(database, ledger, objects, limits, clock or Clock(), on_commit or nothing)


def send(
    uploads: Uploads, agency: str, state: UploadState, number: int, part: bytes, said: str = ""
) -> None:
    draft = uploads.begin_part(DIGEST, agency, state.id, number, said or sha256(part))
    if draft is None:
        return
    with draft:
        for at in range(0, len(part), 20_000):
            draft.write(part[at : at + 20_000])
        draft.finish()


def push(uploads: Uploads, agency: str, data: bytes, round_number: int = 1) -> bytes:
    """Do all that a client does, going on where an earlier attempt has stopped."""
    state = uploads.open(DIGEST, agency, round_number, announcement(data))
    parts = parts_of(data, state.part_size)
    assert len(parts) == part_count(state.size, state.part_size)
    for number in state.missing if state.state == "open" else ():
        send(uploads, agency, state, number, parts[number])
    signed = manifest(state, data, PARTIES[agency])
    while True:
        try:
            return uploads.commit(AGREEMENT, agency, state.id, signed)
        except BusyError:
            time.sleep(0.01)


def logged(database: Database) -> list[tuple[str, str]]:
    """Return kind and party of all events, after the log was verified whole."""
    from linkage.audit.events import parse_event

    ledger = Ledger(database, LOG)
    lines = list(iter(b"".join(ledger.bundle()).splitlines(keepends=True)))
    verify_bundle(iter(lines), "it", Trust(KEYS, 0, None))
    from matcher.ledger.stored_log import StoredLog

    with database.reading() as connection:
        log = StoredLog(connection)
        found = [parse_event(data) for data in log.events(0, log.size())]
    return [(event.kind, event.party) for event in found]
