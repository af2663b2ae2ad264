"""Payload is taken piece by piece, committed once, and nothing else is believed of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import update

from linkage.errors import (
    ConflictError,
    InputError,
    MissingError,
    NotReadyError,
    PolicyError,
    VerificationError,
)
from linkage.protocol.canonical import encode_base64
from linkage.protocol.cohort.messages import (
    digest_of,
    sign_payload_manifest,
    verify_payload_manifest,
)
from linkage.receipts import verify_payload_receipt
from matcher.cohorts.sending import Payloads
from matcher.store.tables import uploads
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.parties import CARE, POLICE
from tests.matcher.cohorts.worlds import CohortWorld

MANY = 60_000
"""Events that take several pieces."""


def state(world: CohortWorld):
    return world.services.payloads.state(world.digest, "care", 1, "analyst")


def test_a_payload_is_committed_and_the_receipt_proves_it(world: CohortWorld):
    sealed = world.sealed(CARE, events=MANY)
    assert len(sealed.pieces) > 1
    world.put(CARE, sealed)
    assert state(world).state == "open"
    receipt = world.commit(CARE, sealed)
    verified = verify_payload_receipt(receipt, "it", AGREEMENT, "care", LOG.verifier)
    assert verified.event.counts == {"pieces": len(sealed.pieces), "round": 1}
    assert verified.event.recipients == ("analyst",)
    world.put(CARE, sealed)  # nothing changes
    assert world.commit(CARE, sealed) == receipt
    assert len(world.run_events("payload.committed")) == 1
    said = {str(number): digest_of(piece) for number, piece in enumerate(sealed.pieces)}
    assert (state(world).state, state(world).received) == ("committed", said)
    assert state(world).manifest == digest_of(sealed.manifest)


def test_pieces_sealed_anew_take_the_place_of_earlier_ones(world: CohortWorld):
    first, second = world.sealed(CARE, events=MANY), world.sealed(CARE, bytes([8]) * 32)
    world.put(CARE, first)
    world.put(CARE, second)
    with pytest.raises(VerificationError, match="other pieces"):
        world.commit(CARE, first)
    world.commit(CARE, second)
    assert len(world.objects()) == len(second.pieces)
    assert list(state(world).received) == ["0"]


def test_another_payload_is_refused_after_one_was_committed(world: CohortWorld):
    world.push(CARE)
    other = world.sealed(CARE, bytes([8]) * 32)
    with pytest.raises(ConflictError, match="committed"):
        world.put(CARE, other)
    with pytest.raises(ConflictError, match="committed"):
        world.commit(CARE, other)
    assert len(world.objects()) == 1


def test_nothing_is_committed_before_every_piece_is_there(small_world: CohortWorld):
    sealed = small_world.sealed(CARE, events=MANY)
    with pytest.raises(MissingError):
        small_world.commit(CARE, sealed)
    small_world.put(CARE, replace(sealed, pieces=sealed.pieces[:1]))
    with pytest.raises(NotReadyError, match="the first is 1"):
        small_world.commit(CARE, sealed)


def test_manifest_and_key_are_those_of_the_payload(small_world: CohortWorld):
    sealed = small_world.sealed(CARE)
    small_world.put(CARE, sealed)
    said = verify_payload_manifest(sealed.manifest, "it", AGREEMENT)[1]
    for body, why in (
        (replace(sealed.body, blinding="08" * 32), "blinding key"),
        (replace(sealed.body, manifest=_signed(replace(said, round=2), CARE)), "round 2"),
        (replace(sealed.body, manifest=_signed(said, POLICE)), "'police'"),
    ):
        with pytest.raises(VerificationError, match=why):
            small_world.commit(CARE, replace(sealed, body=body))
    assert not small_world.run_events("payload.committed")


def _signed(manifest, own) -> str:
    return encode_base64(sign_payload_manifest(manifest, own))


@pytest.mark.parametrize(
    ("agency", "place", "error"),
    [
        ("police", (1, "analyst", 0), VerificationError),  # sealed by another
        ("care", (1, "analyst", 1), VerificationError),  # of another number
        ("care", (2, "analyst", 0), VerificationError),  # of another round
        ("care", (1, "hub", 0), InputError),  # for nobody's analyst
        ("care", (1, "analyst", 1024), PolicyError),  # one too many
    ],
)
def test_a_piece_is_what_its_address_says(small_world: CohortWorld, agency, place, error):
    (piece,) = small_world.sealed(CARE).pieces
    with pytest.raises(error):
        small_world.services.payloads.put(AGREEMENT, agency, place, piece)
    assert not small_world.objects()


def test_no_more_is_taken_than_the_matcher_has_room_for(small_world: CohortWorld):
    own = small_world.services
    few = Payloads(own.database, own.ledger, own.objects, 2**20, small_world.clock)
    with pytest.raises(PolicyError, match="at most 1 pieces"):
        few.put(AGREEMENT, "care", (1, "analyst", 1), b"")


def test_payload_belongs_to_an_upload_that_is_there(small_world: CohortWorld):
    sealed = small_world.sealed(CARE)
    with small_world.services.database.writing() as connection:
        connection.execute(update(uploads).values(state="open"))
    with pytest.raises(PolicyError, match="erased"):
        small_world.put(CARE, sealed)


def test_a_piece_that_was_deleted_by_another_push_is_not_acknowledged(
    small_world: CohortWorld, monkeypatch
):
    """Between a piece's object and its row, another push has replaced the same piece twice."""
    sealed, objects = small_world.sealed(CARE), small_world.services.objects
    put = type(objects).put

    def put_and_lose(self, key, data):
        put(self, key, data)
        self.delete(key)

    monkeypatch.setattr(type(objects), "put", put_and_lose)
    with pytest.raises(NotReadyError, match="send it again"):
        small_world.put(CARE, sealed)
    monkeypatch.undo()
    small_world.put(CARE, sealed)
    small_world.commit(CARE, sealed)


def test_a_piece_that_comes_after_the_end_leaves_nothing(small_world: CohortWorld, monkeypatch):
    sealed, other = small_world.sealed(CARE), small_world.sealed(CARE, bytes([8]) * 32)
    small_world.put(CARE, sealed)
    objects = small_world.services.objects
    put = type(objects).put

    def put_late(self, key, data):
        put(self, key, data)
        monkeypatch.undo()
        small_world.commit(CARE, sealed)

    monkeypatch.setattr(type(objects), "put", put_late)
    with pytest.raises(ConflictError):
        small_world.put(CARE, other)
    assert len(small_world.objects()) == 1
