"""Whatever is done to the stored log, verifying it finds that, and says where it can."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy import event as listen

from linkage.audit.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from linkage.audit.cosignature import cosign
from linkage.audit.events import event_bytes
from linkage.audit.failures import ForkError, LogError, RollbackError
from linkage.audit.merkle import leaf_hash
from linkage.audit.tree import Frontier
from linkage.errors import VerificationError
from matcher.ledger.earlier import read_earlier
from matcher.ledger.ledger import Ledger
from matcher.ledger.stored_log import BATCH
from matcher.ledger.verifying import verify_stored_log
from matcher.store.database import Database
from matcher.store.tables import (
    log_checkpoints,
    log_cosignatures,
    log_events,
    log_head,
    log_index,
    log_nodes,
    log_sorts,
)
from tests.linkage.audit.made_up import COSIGNED, LOG, WITNESSES, event, signer

SIZE = 11
COSIGNED_SIZE = 5


@pytest.fixture
def ledger(database: Database) -> Ledger:
    """Give a log of eleven events, entered by ones and twos, with a cosigned middle."""
    ledger = Ledger(database, LOG)
    number = 0
    while number < SIZE:
        with ledger.recording() as recording:
            for _ in range(1 + (number % 3 == 2)):
                recording.append(event(number))
                number += 1
        if number == COSIGNED_SIZE:
            for witness in WITNESSES:
                line = cosign(ledger.checkpoint(), witness, COSIGNED)
                ledger.add_cosignature(number, witness.verifier, line)
    assert number == SIZE
    return ledger


def test_a_whole_log_verifies(database: Database, ledger: Ledger):
    verified = verify_stored_log(database, LOG.verifier)
    assert verified.checkpoint == open_checkpoint(ledger.checkpoint().to_bytes(), LOG.verifier)
    with database.reading() as connection:
        sizes = list(connection.execute(select(log_checkpoints.c.size)).scalars())
    assert (verified.checkpoints, verified.cosignatures) == (len(sizes), 2)
    assert verified.summary.events == SIZE


def test_a_log_of_several_batches_verifies(database: Database):
    with Ledger(database, LOG).recording() as recording:
        for number in range(2 * BATCH + 3):
            recording.append(event(number))
    assert verify_stored_log(database, LOG.verifier).checkpoint.size == 2 * BATCH + 3


def test_more_checkpoints_cost_no_more_questions(database: Database, ledger: Ledger):
    asked: list[str] = []
    listen.listen(
        database._engine, "before_cursor_execute", lambda _c, _cursor, text, *_: asked.append(text)
    )
    counts = []
    for _ in range(2):
        asked.clear()
        verify_stored_log(database, LOG.verifier)
        counts.append(len(asked))
        for number in range(4):
            with ledger.recording() as recording:
                recording.append(event(number))
    assert counts[0] == counts[1]


def test_an_empty_log_verifies(database: Database):
    assert verify_stored_log(database, LOG.verifier).checkpoint.size == 0


def _event(leaf: int, data: bytes) -> Callable[[Connection], object]:
    of = log_events.c.leaf == leaf
    return lambda connection: connection.execute(update(log_events).where(of).values(event=data))


def _rehashed(leaf: int) -> Callable[[Connection], object]:
    """Replace an event with its hash in the tree, as an insider would."""

    def tamper(connection: Connection) -> None:
        data = event_bytes(event(99))
        _event(leaf, data)(connection)
        of = (log_nodes.c.level == 0) & (log_nodes.c.position == leaf)
        connection.execute(update(log_nodes).where(of).values(hash=leaf_hash(data)))

    return tamper


def _truncate_tables(connection: Connection, size: int) -> None:
    connection.execute(delete(log_events).where(log_events.c.leaf >= size))
    for level in range(5):
        ends = (log_nodes.c.position + 1) * (1 << level)
        connection.execute(delete(log_nodes).where(log_nodes.c.level == level, ends > size))


def _truncate(size: int) -> Callable[[Connection], object]:
    """Take the last events off, with nodes and checkpoints: what restoring a backup does."""

    def tamper(connection: Connection) -> None:
        _truncate_tables(connection, size)
        for table in (log_cosignatures, log_checkpoints):
            connection.execute(delete(table).where(table.c.size > size))
        connection.execute(delete(log_index).where(log_index.c.leaf >= size))
        left = select(func.count()).where(log_index.c.sort == log_sorts.c.id).scalar_subquery()
        connection.execute(update(log_sorts).values(count=left))
        connection.execute(delete(log_sorts).where(log_sorts.c.count == 0))
        connection.execute(update(log_head).values(size=size))

    return tamper


def _swap(connection: Connection) -> None:
    _event(3, event_bytes(event(4)))(connection)
    _event(4, event_bytes(event(3)))(connection)


def _forged_checkpoint(connection: Connection) -> None:
    note = sign_checkpoint(Checkpoint(LOG.name, 7, bytes(32)), LOG).to_bytes()
    of = log_checkpoints.c.size == 7
    connection.execute(update(log_checkpoints).where(of).values(note=note))


def _in(table, where, **values) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(update(table).where(where).values(values))


def _out(table, where) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(delete(table).where(where))


def _also(table, **values) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(insert(table).values(values))


def _sql(statement: str) -> Callable[[Connection], object]:
    return lambda connection: connection.exec_driver_sql(statement)


def _with_children(size: int) -> Callable[[Connection], object]:
    """Delete the last checkpoint; its cosignatures would go with it."""
    return _out(log_checkpoints, log_checkpoints.c.size == size)


TAMPERINGS = {
    "event-altered": (_event(6, event_bytes(event(99))), "Event 7 of"),
    "event-malformed": (_event(6, b"{}"), "Event 7 of"),
    "event-and-hash": (_rehashed(8), r"Event 10 of the stored log and the stored node \(1, 4\)"),
    "last-event-and-hash": (_rehashed(10), "for 11 events isn't that of the events before it"),
    "events-swapped": (_swap, "Event 4 of"),
    "event-missing": (_out(log_events, log_events.c.leaf == 6), "Event 7 of .* is missing"),
    "first-missing": (_out(log_events, log_events.c.leaf == 0), "Event 1 of .* is missing"),
    "last-missing": (_out(log_events, log_events.c.leaf == 10), "the last 1 are missing"),
    "event-added": (_also(log_events, leaf=11, event=event_bytes(event(11))), "Event 12 of"),
    "event-far-off": (
        _also(log_events, leaf=9999, event=event_bytes(event(11))), "holds 12 events, and 11"
    ),
    "event-below": (
        _also(log_events, leaf=-1, event=event_bytes(event(11))), "holds 12 events, and 11"
    ),
    "node-altered": (
        _in(log_nodes, (log_nodes.c.level == 2) & (log_nodes.c.position == 1), hash=bytes(32)),
        r"Event 8 of the stored log and the stored node \(2, 1\)",
    ),
    "node-missing": (_out(log_nodes, log_nodes.c.level == 3), r"\(3, 0\)"),
    "node-added": (_also(log_nodes, level=4, position=0, hash=bytes(32)), "20 nodes of the tree"),
    "checkpoint-forged": (_forged_checkpoint, "stored for 7 events"),
    "checkpoint-malformed": (
        _in(log_checkpoints, log_checkpoints.c.size == 7, note=b"x"), "isn't a text"
    ),
    "checkpoint-beyond": (_also(log_checkpoints, size=99, note=b"x"), "checkpoints, and"),
    "last-checkpoint-gone": (_with_children(SIZE), "holds no checkpoint of so many"),
    "cosignature-forged": (
        _in(log_cosignatures, log_cosignatures.c.witness == "care", signature=bytes(72)),
        "signature of care",
    ),
    "cosignature-cut": (
        _in(log_cosignatures, log_cosignatures.c.witness == "care", signature=b"x"),
        "cosignature of care",
    ),
    "index-of-another-sort": (_in(log_index, log_index.c.leaf == 6, sort=0), "Event 7 of .* index"),
    "index-of-another-time": (_in(log_index, log_index.c.leaf == 6, at=1), "Event 7 of .* index"),
    "index-without-event": (_out(log_index, log_index.c.leaf == 6), "Event 7 of .* index"),
    "index-of-no-event": (_also(log_index, leaf=99, sort=0, at=1), "12 rows of the index"),
    "sort-altered": (_in(log_sorts, log_sorts.c.id == 2, party="hub"), "Event 3 of .* index"),
    "sort-counted-twice": (_in(log_sorts, log_sorts.c.id == 2, count=2), "counts other events"),
    "event-of-text": (_sql("UPDATE log_events SET event = '{}' WHERE leaf = 6"), "another type"),
    "node-of-text": (_sql("UPDATE log_nodes SET hash = '" + "x" * 32 + "'"), "Event 1 of"),
    "head-of-text": (_sql("UPDATE log_head SET size = 'x'"), "another type"),
    "leaf-of-text": (_sql("UPDATE log_events SET leaf = 'x' WHERE leaf = 10"), "1 are missing"),
    "set-back": (_in(log_head, log_head.c.id == 1, size=7), "were never signed for"),
    "set-to-nothing": (_in(log_head, log_head.c.id == 1, size=0), "says that it is empty"),
    "set-ahead": (_in(log_head, log_head.c.id == 1, size=12), "holds no checkpoint"),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERINGS)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_tampering_is_found(database: Database, ledger: Ledger, name: str):
    tamper, said = TAMPERINGS[name]
    with database.writing() as connection:
        tamper(connection)
    with pytest.raises(LogError, match=said):
        verify_stored_log(database, LOG.verifier)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_byte_of_every_row_counts(database: Database, ledger: Ledger):
    """A bit flipped in any column of bytes is found."""
    for table, column in (
        (log_events, log_events.c.event),
        (log_nodes, log_nodes.c.hash),
        (log_checkpoints, log_checkpoints.c.note),
        (log_cosignatures, log_cosignatures.c.signature),
    ):
        keys = list(table.primary_key.columns)
        with database.reading() as connection:
            rows = connection.execute(select(*keys, column)).all()
        for number, (*place, data) in enumerate(rows):
            flipped = bytearray(data)
            flipped[number * 37 % len(data)] ^= 1 << number % 8
            of = [key == value for key, value in zip(keys, place, strict=True)]
            for value, expected in ((bytes(flipped), False), (data, True)):
                with database.writing() as connection:
                    connection.execute(update(table).where(*of).values({column: value}))
                assert verifies(database) is expected, (table.name, place)


def verifies(database: Database) -> bool:
    try:
        verify_stored_log(database, LOG.verifier)
    except LogError:
        return False
    return True


def test_another_key_verifies_nothing(database: Database, ledger: Ledger):
    for key in (signer(LOG.name, LOG.type, "other"), signer("another.example/log", LOG.type)):
        with pytest.raises(LogError):
            verify_stored_log(database, key.verifier)


@pytest.mark.parametrize("size", [0, 1, 7])
def test_what_a_restored_backup_lost_shows_with_an_earlier_checkpoint(
    database: Database, ledger: Ledger, size: int
):
    earlier = open_checkpoint(ledger.checkpoint().to_bytes(), LOG.verifier)
    verify_stored_log(database, LOG.verifier, earlier)
    with database.writing() as connection:
        _truncate(size)(connection)
    assert verify_stored_log(database, LOG.verifier).checkpoint.size == size
    with pytest.raises(LogError) as found:
        verify_stored_log(database, LOG.verifier, earlier)
    assert isinstance(getattr(found.value, "cause", found.value), RollbackError)


def test_a_rewritten_history_shows_with_an_earlier_checkpoint(database: Database, ledger: Ledger):
    frontier = Frontier()
    for number in range(5, 8):
        frontier.append(leaf_hash(event_bytes(event(number))))
    with pytest.raises(LogError) as found:
        verify_stored_log(database, LOG.verifier, Checkpoint(LOG.name, 3, frontier.root()))
    assert isinstance(found.value.cause, ForkError)


def test_an_earlier_state_is_a_checkpoint_or_a_bundle(ledger: Ledger, tmp_path: Path):
    file = tmp_path / "earlier.txt"
    for data in (ledger.checkpoint().to_bytes(), b"".join(ledger.bundle())):
        file.write_bytes(data)
        assert read_earlier(file, LOG.verifier).size == SIZE
    for data in (b"", b"words", ledger.checkpoint().to_bytes()[:-9]):
        file.write_bytes(data)
        with pytest.raises(VerificationError, match=r"earlier\.txt, the earlier state"):
            read_earlier(file, LOG.verifier)
