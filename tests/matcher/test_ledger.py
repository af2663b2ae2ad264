"""The ledger: events enter with their change, proofs lead to the checkpoints, bundles verify."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from sqlalchemy import delete, func, select, text, update

from linkage.audit.checkpoint import open_checkpoint
from linkage.audit.cosignature import cosign
from linkage.audit.failures import SignatureError
from linkage.audit.merkle import leaf_hash, verify_consistency, verify_inclusion
from linkage.audit.notes import NoteSignature
from linkage.audit.tree import Tree
from linkage.audit.trusted_log import TrustedLog
from linkage.audit.verification import Trust, verify_bundle
from linkage.errors import InputError, VerificationError
from matcher.ledger.ledger import Ledger
from matcher.ledger.stored_log import BATCH, StoredLog
from matcher.store.database import Database
from matcher.store.failures import DatabaseError
from matcher.store.nonces import use_nonce
from matcher.store.tables import log_events, log_head, log_nodes, nonces
from tests.linkage.audit.made_up import COSIGNED, KEYS, LOG, WITNESSES, event, events, signer
from tests.matcher.appender import record

OTHER_KEY = signer(LOG.name, LOG.type, "another seed")


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, LOG)


def append(ledger: Ledger, *numbers: int) -> None:
    with ledger.recording() as recording:
        for number in numbers:
            recording.append(event(number))


def lines(ledger: Ledger, size: int | None = None) -> Iterator[bytes]:
    return iter(b"".join(ledger.bundle(size)).splitlines(keepends=True))


def counts(database: Database) -> tuple[int, int]:
    with database.reading() as connection:
        return tuple(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (log_events, nonces)
        )


def test_a_receipt_proves_that_the_event_is_in_the_log(ledger: Ledger):
    append(ledger, *range(6))
    with ledger.recording() as recording:
        leaves = [recording.append(event(number)) for number in range(6, 9)]
    assert leaves == [6, 7, 8]
    receipts = [ledger.receipt(leaf) for leaf in leaves]
    for receipt, data in zip(receipts, events(3, 6), strict=True):
        checkpoint = open_checkpoint(receipt.checkpoint, LOG.verifier)
        assert (receipt.event, checkpoint.size) == (data, 9)
        verify_inclusion(leaf_hash(data), receipt.leaf, 9, receipt.proof, checkpoint.root)


def test_a_client_can_follow(ledger: Ledger):
    """From the empty log on, whatever the steps, every checkpoint and event is believed."""
    trusted = TrustedLog(LOG.verifier)
    trusted.update(ledger.checkpoint().to_bytes(), [])
    data = events(17)
    for step in (1, 1, 2, 5, 8):
        size = trusted.pinned.size
        append(ledger, *range(size, size + step))
        proof = ledger.consistency_proof(size, size + step)
        trusted.update(ledger.checkpoint().to_bytes(), proof)
        for leaf in range(size + step):
            trusted.verify_event(data[leaf], leaf, ledger.inclusion_proof(leaf, size + step))
    trusted.verify_all(data)


def test_stored_proofs_are_those_of_the_tree(database: Database, ledger: Ledger):
    size = 13
    append(ledger, *range(size))
    tree = Tree()
    for data in events(size):
        tree.append(leaf_hash(data))
    with database.reading() as connection:
        log = StoredLog(connection)
        for first, second in itertools.combinations_with_replacement(range(size + 1), 2):
            proof = log.consistency_proof(first, second)
            assert proof == tree.consistency_proof(first, second)
            verify_consistency(first, second, proof, tree.root(first), tree.root(second))
            if first < second:
                assert log.inclusion_proof(first, second) == tree.inclusion_proof(first, second)


def test_proofs_beyond_the_log_are_refused(ledger: Ledger):
    append(ledger, 0, 1)
    for first, second in ((0, 3), (2, 1), (-1, 2)):
        with pytest.raises(InputError):
            ledger.consistency_proof(first, second)
    for leaf, size in ((0, 3), (2, 2), (-1, 2)):
        with pytest.raises(InputError):
            ledger.inclusion_proof(leaf, size)
    with pytest.raises(InputError, match="no checkpoint of 1 "):
        ledger.checkpoint(1)


def test_change_and_event_are_one(database: Database, ledger: Ledger):
    record(ledger, "kept", 0)
    with pytest.raises(KeyError), ledger.recording() as recording:  # noqa: PT012
        use_nonce(recording.connection, "lost", 1)
        recording.append(event(1))
        raise KeyError
    with pytest.raises(InputError, match="no event 2 yet"):
        ledger.receipt(1)
    assert counts(database) == (1, 1)
    assert ledger.checkpoint().text.splitlines()[1] == "1"


def test_a_change_without_an_event_is_not_made(database: Database, ledger: Ledger):
    with pytest.raises(RuntimeError, match="needs an event"), ledger.recording() as recording:
        use_nonce(recording.connection, "silent", 1)
    assert counts(database) == (0, 0)


def test_receipts_come_after_the_commit(ledger: Ledger):
    with ledger.recording() as recording:
        leaf = recording.append(event(0))
        with pytest.raises(InputError, match="no event 1 yet"):
            ledger.receipt(leaf)
    assert ledger.receipt(leaf).leaf == leaf


def test_another_key_signs_nothing(database: Database, ledger: Ledger):
    append(ledger, 0)
    with pytest.raises(SignatureError):
        append(Ledger(database, OTHER_KEY), 1)
    assert counts(database) == (1, 0)


def test_a_damaged_tree_is_not_signed_for(database: Database, ledger: Ledger):
    """However it came about, the log never signs two histories."""
    append(ledger, 0, 1, 2)
    with database.writing() as connection:
        connection.execute(update(log_nodes).where(log_nodes.c.level == 1).values(hash=bytes(32)))
    with pytest.raises(VerificationError, match="isn't the one that was signed for"):
        append(ledger, 3)


def test_a_missing_node_is_named(database: Database, ledger: Ledger):
    append(ledger, 0, 1, 2)
    with database.writing() as connection:
        connection.execute(delete(log_nodes).where(log_nodes.c.level == 1))
    with pytest.raises(VerificationError, match=r"node \(1, 0\)"):
        append(ledger, 3)


def test_a_log_that_was_set_back_is_not_forked(database: Database, ledger: Ledger):
    append(ledger, 0)
    append(ledger, 1)
    with database.writing() as connection:
        connection.execute(update(log_head).values(size=1))
    with pytest.raises(Exception, match=r"(?i)unique"):
        append(ledger, 5)


def test_a_bundle_of_all_verifies(ledger: Ledger):
    append(ledger, *range(30))
    verified = verify_bundle(lines(ledger), "bundle", Trust(KEYS, 0))
    assert verified.summary.events == 30


def test_a_bundle_reaches_over_batches(ledger: Ledger):
    append(ledger, *range(BATCH + 1))
    assert verify_bundle(lines(ledger), "bundle", Trust(KEYS, 0)).checkpoint.size == BATCH + 1


def test_a_bundle_of_an_empty_log_verifies(ledger: Ledger):
    assert verify_bundle(lines(ledger), "bundle", Trust(KEYS, 0)).summary.events == 0


def test_a_bundle_of_an_earlier_state_has_its_cosignatures(ledger: Ledger):
    append(ledger, 0, 1)
    note = ledger.checkpoint()
    for witness in WITNESSES:
        ledger.add_cosignature(2, witness.verifier, cosign(note, witness, COSIGNED))
    append(ledger, 2)
    verified = verify_bundle(lines(ledger, 2), "bundle", Trust(KEYS, 2))
    assert [one.witness for one in verified.cosignatures] == ["care", "police"]
    assert len(ledger.checkpoint(2).signatures) == 3
    assert len(ledger.checkpoint().signatures) == 1


def test_a_missing_event_stops_a_bundle(database: Database, ledger: Ledger):
    append(ledger, 0, 1, 2)
    with database.writing() as connection:
        connection.execute(delete(log_events).where(log_events.c.leaf == 1))
    with pytest.raises(VerificationError, match="some are missing"):
        list(ledger.bundle())


def test_a_later_cosignature_takes_the_place_of_the_first(ledger: Ledger):
    append(ledger, 0)
    care = WITNESSES[0]
    for time in (COSIGNED, COSIGNED + 60):
        line = cosign(ledger.checkpoint(), care, time)
        ledger.add_cosignature(1, care.verifier, line)
    assert ledger.checkpoint().signature_of(care.verifier) == line


def test_a_cosignature_must_be_the_witnesss(ledger: Ledger):
    append(ledger, 0)
    append(ledger, 1)
    care, police = WITNESSES
    line = cosign(ledger.checkpoint(1), care, COSIGNED)
    wrong = NoteSignature(line.name, line.key_id, bytes(72))
    for size, witness, offered in ((1, police, line), (2, care, line), (1, care, wrong)):
        with pytest.raises(SignatureError):
            ledger.add_cosignature(size, witness.verifier, offered)
    assert len(ledger.checkpoint(1).signatures) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_full_disk_loses_nothing(database: Database, ledger: Ledger):
    record(ledger, "kept", 0)
    with pytest.raises(DatabaseError, match="full"), ledger.recording() as recording:  # noqa: PT012
        pages = recording.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        recording.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        for number in range(100):
            recording.append(event(number))
    database.close()
    assert counts(database) == (1, 1)
    record(ledger, "kept", 1)
    assert counts(database) == (2, 2)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_lost_connection_loses_nothing(database: Database, ledger: Ledger):
    record(ledger, "kept", 0)
    with pytest.raises(DatabaseError), ledger.recording() as recording:  # noqa: PT012
        recording.append(event(1))
        me = recording.connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with database.writing() as other:
            other.execute(text("SELECT pg_terminate_backend(:me)"), {"me": me})
    record(ledger, "kept", 1)
    assert counts(database) == (2, 2)
