"""A client that had pinned a checkpoint, and a log whose operator lies to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.audit.checkpoint import sign_checkpoint
from linkage.audit.cosignature import verify_cosignature
from linkage.audit.failures import (
    ForkError,
    LogError,
    MalformedError,
    ProofError,
    RollbackError,
    SignatureError,
    SplitViewError,
    TruncationError,
)
from linkage.audit.keys import SignatureType
from linkage.audit.notes import parse_note
from linkage.audit.trusted_log import TrustedLog
from tests.linkage.audit.bits import flipped
from tests.linkage.audit.made_up import (
    COSIGNED,
    KEYS,
    LOG,
    WITNESSES,
    LyingLog,
    event,
    events,
    signer,
)

TRUE = LyingLog(events(13))
FORGED = LyingLog([*events(4), *events(9, first=100)])  # a history that turns off after event 4


def data(log, size=None):
    return sign_checkpoint(log.checkpoint(size), log.log).to_bytes()


def client(size=None, log=TRUE):
    return TrustedLog(KEYS.log, None if size is None else data(log, size))


def test_a_client_follows_the_log_from_its_beginning():
    trusted = client()
    assert trusted.pinned.size == 0
    before = 0
    for size in (0, 1, 5, 5, 8, 13):
        assert trusted.update(data(TRUE, size), TRUE.proof(before, size)).size == size
        before = size
    assert TrustedLog(KEYS.log, trusted.pinned_bytes).pinned == TRUE.checkpoint()


@given(st.lists(st.integers(0, 13), min_size=1, max_size=6))
def test_a_client_ends_with_the_largest_checkpoint_whatever_comes(sizes):
    trusted = client()
    for size in sizes:
        before = trusted.pinned.size
        if size < before:
            with pytest.raises(RollbackError):
                trusted.update(data(TRUE, size), TRUE.proof(size, before))
        else:
            trusted.update(data(TRUE, size), TRUE.proof(before, size))
    assert trusted.pinned == TRUE.checkpoint(max(sizes))


def refused(error, pinned, offered, proof):
    """Assert that the update raises just this error and changes nothing."""
    trusted = client(pinned)
    with pytest.raises(error) as caught:
        trusted.update(offered, proof)
    assert type(caught.value) is error
    assert trusted.pinned == TRUE.checkpoint(pinned)
    assert trusted.pinned_bytes == data(TRUE, pinned)
    return str(caught.value)


def test_a_fork_is_detected():
    for proof in (FORGED.proof(8, 13), TRUE.proof(8, 13), []):
        assert "8 seen before" in refused(ForkError, 8, data(FORGED), proof)


def test_a_fork_after_the_pinned_checkpoint_is_a_history_of_its_own():
    """Until two clients compare, or one sees both sides, it can't be told."""
    trusted = client(4)
    trusted.update(data(FORGED), FORGED.proof(4, 13))
    with pytest.raises(SplitViewError):
        trusted.update(data(TRUE), [])
    with pytest.raises(SplitViewError):
        trusted.compare(data(TRUE), [])
    with pytest.raises(ForkError):
        trusted.compare(data(TRUE, 8), FORGED.proof(8, 13))


def test_a_rollback_is_detected():
    assert "5" in refused(RollbackError, 8, data(TRUE, 5), TRUE.proof(5, 8))
    refused(RollbackError, 8, data(TRUE, 0), [])


def test_a_split_view_is_detected():
    assert "two histories" in refused(SplitViewError, 8, data(FORGED, 8), [])


def test_truncation_is_detected():
    trusted = client(13)
    trusted.verify_all(TRUE.entries)
    for size in (0, 5, 12):
        with pytest.raises(TruncationError, match=f"last {13 - size} are missing"):
            trusted.verify_all(TRUE.entries[:size])
    with pytest.raises(ForkError, match="never signed"):
        trusted.verify_all([*TRUE.entries, TRUE.entries[0]])
    with pytest.raises(ForkError, match="other events"):
        trusted.verify_all(FORGED.entries)
    with pytest.raises(ForkError, match="other events"):
        trusted.verify_all(TRUE.entries[::-1])


@given(st.integers(0, 12), st.integers(0, 13), st.integers(0, 13))
def test_another_history_is_accepted_only_by_whom_it_agrees_with(shared, pinned, offered):
    """Two histories part after ``shared`` events; a client of one is offered the other."""
    other = LyingLog([*events(shared), *events(13 - shared, first=100)])
    trusted = client(pinned)
    proof = other.proof(pinned, offered) if pinned <= offered else []
    if offered < pinned:
        expected = RollbackError
    elif pinned <= shared:
        expected = None
    else:
        expected = SplitViewError if offered == pinned else ForkError
    if expected is not None:
        with pytest.raises(expected):
            trusted.update(data(other, offered), proof)
    assert trusted.pinned == TRUE.checkpoint(pinned)
    if expected is None:
        assert trusted.update(data(other, offered), proof) == other.checkpoint(offered)


def test_checkpoints_of_other_keys_and_logs_are_refused():
    impostor = LyingLog(events(13), signer(LOG.name, SignatureType.LOG, "impostor"))
    refused(SignatureError, 8, data(impostor), TRUE.proof(8, 13))
    other = LyingLog(events(13), signer("other.example", SignatureType.LOG))
    refused(SignatureError, 8, data(other), TRUE.proof(8, 13))
    renamed = LyingLog(events(13), type(LOG)("other.example", LOG.type, LOG.private))
    refused(SignatureError, 8, data(renamed), TRUE.proof(8, 13))
    refused(MalformedError, 8, b"not a note", [])
    with pytest.raises(SignatureError):
        TrustedLog(KEYS.log, data(impostor))


def test_every_flipped_bit_of_a_checkpoint_or_its_proof_is_refused():
    offered, proof = data(TRUE, 7), TRUE.proof(3, 7)
    for wrong in flipped(offered):
        with pytest.raises(LogError):
            client(3).update(wrong, proof)
    for place, node in enumerate(proof):
        for wrong in flipped(node):
            with pytest.raises(ForkError):
                client(3).update(offered, [*proof[:place], wrong, *proof[place + 1 :]])


def test_an_event_is_believed_with_its_proof_only():
    trusted = client(13)
    proof = TRUE.tree.inclusion_proof(6, 13)
    assert trusted.verify_event(TRUE.entries[6], 6, proof) == event(6)
    for wrong in flipped(TRUE.entries[6]):
        with pytest.raises(ProofError):
            trusted.verify_event(wrong, 6, proof)
    for index in (-1, 5, 7, 13):
        with pytest.raises(ProofError):
            trusted.verify_event(TRUE.entries[6], index, proof)
    gibberish = LyingLog([b"gibberish"])
    with pytest.raises(MalformedError):
        client(1, gibberish).verify_event(b"gibberish", 0, [])


def test_what_others_saw_is_compared():
    trusted = client(13)
    for size in (0, 1, 8, 13):
        trusted.compare(data(TRUE, size), TRUE.proof(size, 13))
    assert trusted.pinned == TRUE.checkpoint()


def test_only_what_was_accepted_is_cosigned():
    trusted = client()
    trusted.update(data(TRUE), [])
    line = trusted.cosign(WITNESSES[0], COSIGNED)
    note = parse_note(data(TRUE)).with_signatures(line)
    assert verify_cosignature(note, KEYS.witnesses[0]).time == COSIGNED
    with pytest.raises(RollbackError):
        trusted.update(data(TRUE, 5), TRUE.proof(5, 13))
    assert trusted.cosign(WITNESSES[0], COSIGNED) == line


def test_calls_that_come_too_early_are_the_callers_fault():
    for call in (
        lambda trusted: trusted.cosign(WITNESSES[0], COSIGNED),
        lambda trusted: trusted.verify_event(b"", 0, []),
        lambda trusted: trusted.verify_all([]),
        lambda trusted: trusted.pinned_bytes,
        lambda trusted: trusted.compare(data(TRUE), []),
    ):
        with pytest.raises(RuntimeError):
            call(client())
    with pytest.raises(ValueError, match="witness's key"):
        client(5).cosign(LOG, COSIGNED)
    with pytest.raises(ValueError, match="since 1970"):
        client(5).cosign(WITNESSES[0], -1)
