"""What is sealed, signed and asked about cohorts, and what is refused of it."""

import base64
from dataclasses import replace

import pytest
from pydantic import ValidationError

from linkage.audit.checkpoint import Checkpoint, sign_checkpoint
from linkage.audit.events import AgreementReference, event_bytes
from linkage.audit.merkle import leaf_hash
from linkage.audit.tree import Tree
from linkage.errors import PolicyError, VerificationError
from linkage.protocol.canonical import encode_base64
from linkage.protocol.cohort.messages import (
    PairEstimate,
    digest_of,
    require_agreed,
    sign_cohort,
    sign_cohort_request,
    sign_payload_manifest,
    verify_cohort,
    verify_payload_manifest,
)
from linkage.protocol.cohort.payload import (
    MOST_SEALED,
    PIECE_BYTES,
    open_payload,
    require_piece,
    seal_payload,
)
from linkage.protocol.cohort.replies import CohortFile
from linkage.protocol.cohort.tables import sorted_tables
from linkage.protocol.sealing import Context, seal
from linkage.protocol.upload import receipt_bytes
from linkage.pulled import verify_cohort_file
from linkage.receipts import verify_payload_receipt, verify_receipt
from tests.linkage.audit.made_up import LOG, event
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST, changed, parse
from tests.linkage.protocol.cohort.payloads import (
    ASKED,
    BLINDING,
    COHORT,
    MANIFEST,
    PULLED,
    REQUEST,
    SIGNED,
    tables,
)
from tests.linkage.protocol.parties import CARE, MATCHER, POLICE, flipped

PLACE = 3
REFERENCE = AgreementReference(AGREEMENT.digest(), "trial", 1)


@pytest.fixture(scope="module")
def sealed():
    return seal_payload(AGREEMENT, 2, "analyst", tables(), BLINDING, CARE)


def test_a_payload_opens_as_it_was_sealed_and_all_pieces_have_one_size(sealed):
    manifest, pieces = sealed
    assert open_payload(AGREEMENT, "care", manifest, pieces, ANALYST) == sorted_tables(tables())
    (piece,) = pieces
    assert len(piece) <= MOST_SEALED
    require_piece(piece, AGREEMENT, 2, 0, "care", "analyst")
    more = seal_payload(AGREEMENT, 2, "analyst", tables(200, events=150), BLINDING, CARE)[1]
    assert [len(own) for own in more] == [len(piece)]


def test_several_pieces_open_in_their_order_alone():
    many = tables(200, events=200)
    many = replace(many, events=many.events.take(list(range(200)) * 120))
    manifest, pieces = seal_payload(AGREEMENT, 2, "analyst", many, BLINDING, CARE)
    assert len(pieces) > 1
    assert open_payload(AGREEMENT, "care", manifest, pieces, ANALYST) == sorted_tables(many)
    with pytest.raises(VerificationError, match="has signed for"):
        open_payload(AGREEMENT, "care", manifest, pieces[::-1], ANALYST)
    swapped = replace(manifest, pieces=manifest.pieces[::-1])
    with pytest.raises(VerificationError, match="step 3"):
        open_payload(AGREEMENT, "care", swapped, pieces[::-1], ANALYST)


@pytest.mark.parametrize(
    ("round_number", "number", "agency", "analyst"),
    [(3, 0, "care", "analyst"), (2, 1, "care", "analyst"), (2, 0, "police", "analyst"),
     (2, 0, "care", "hub")],
)  # fmt: skip
def test_a_piece_is_for_its_round_number_agency_and_analyst(
    sealed, round_number, number, agency, analyst
):
    with pytest.raises(VerificationError, match="step 3"):
        require_piece(sealed[1][0], AGREEMENT, round_number, number, agency, analyst)


def test_a_piece_of_another_size_is_refused():
    context = Context(AGREEMENT.digest(), 1, 2, "payload", 0)
    short = seal(ANALYST.public, context, bytes(PIECE_BYTES // 4), CARE)
    with pytest.raises(VerificationError, match="size"):
        require_piece(short, AGREEMENT, 2, 0, "care", "analyst")


def test_no_bit_of_a_manifest_or_a_cohort_can_change():
    assert verify_payload_manifest(SIGNED, "it", AGREEMENT) == ("care", MANIFEST)
    assert verify_cohort(PULLED, "it", AGREEMENT) == (COHORT, {"care": MANIFEST})
    for content, verify in ((SIGNED, verify_payload_manifest), (PULLED, verify_cohort)):
        for number, other in enumerate(flipped(content)):
            if number % 997 == 0:
                with pytest.raises(VerificationError):
                    verify(other, "it", AGREEMENT)


def test_a_request_is_held_to_the_agreement():
    require_agreed(AGREEMENT, REQUEST)
    with pytest.raises(PolicyError, match="purpose_codes"):
        require_agreed(AGREEMENT, replace(REQUEST, purpose="curiosity"))


def test_a_cohort_is_in_order():
    for change in (
        {"agencies": COHORT.agencies[::-1]},
        {"round": 1},  # care's upload would be of a later one
        {"agencies": COHORT.agencies[:1]},  # the estimate is of another
        {"estimates": COHORT.estimates * 2},
    ):
        with pytest.raises(ValidationError):
            replace(COHORT, **change)
    with pytest.raises(ValidationError):
        PairEstimate("police", "care")


def logged(**about):
    """An event at `PLACE` of a log whose others are made up: its bytes, a note, and the proof."""
    data = [event_bytes(event(number)) for number in range(7)]
    data[PLACE] = event_bytes(event(PLACE, agreement=REFERENCE, **about))
    tree = Tree()
    for one in data:
        tree.append(leaf_hash(one))
    note = sign_checkpoint(Checkpoint(LOG.name, 7, tree.root()), LOG).to_bytes()
    return data[PLACE], note, tuple(tree.inclusion_proof(PLACE, 7))


COMMITTED = {
    "kind": "payload.committed", "party": "care", "recipients": ("analyst",),
    "counts": {"pieces": 2, "round": 2}, "digests": {"manifest": digest_of(SIGNED)},
}  # fmt: skip


def payload_receipt(**changes):
    data, note, proof = logged(**(COMMITTED | changes))
    return receipt_bytes(SIGNED, data, PLACE, note, proof)


def test_a_receipt_shows_that_a_payload_was_committed():
    verified = verify_payload_receipt(payload_receipt(), "it", AGREEMENT, "care", LOG.verifier)
    assert verified.manifest == MANIFEST


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "upload.committed"},
        {"party": "police"},
        {"recipients": ("hub",)},
        {"counts": {"pieces": 3, "round": 2}},
        {"digests": {"manifest": "00" * 32}},
    ],
)
def test_a_receipt_of_another_event_is_refused(changes):
    with pytest.raises(VerificationError, match="step 5"):
        verify_payload_receipt(payload_receipt(**changes), "it", AGREEMENT, "care", LOG.verifier)


def test_the_receipt_of_a_payload_is_none_of_an_upload():
    with pytest.raises(VerificationError):
        verify_receipt(payload_receipt(), "it", AGREEMENT, "care", LOG.verifier)
    with pytest.raises(VerificationError, match="'police'"):
        verify_payload_receipt(payload_receipt(), "it", AGREEMENT, "police", LOG.verifier)


HANDED = {
    "kind": "cohort.pulled", "party": "analyst", "recipients": ("analyst",),
    "counts": {"agencies": 1}, "justification": REQUEST.reason,
    "digests": {"cohort": digest_of(PULLED), "map": "12" * 32, "request": digest_of(ASKED)},
}  # fmt: skip


def cohort_file(signed=PULLED, asked=ASKED, leaf=PLACE, **changes):
    data, note, proof = logged(**(HANDED | changes))
    own = [encode_base64(content) for content in (signed, asked, data)]
    return CohortFile(*own, leaf, tuple(map(encode_base64, proof)), encode_base64(note))


def test_a_cohort_is_what_was_asked_and_logged():
    found = verify_cohort_file(cohort_file(), "it", AGREEMENT, "analyst", LOG.verifier)
    assert (found.cohort, found.request, found.leaf) == (COHORT, REQUEST, PLACE)
    assert found.payloads == {"care": MANIFEST}


OTHER = sign_cohort_request(replace(REQUEST, reference="Another"), ANALYST)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"asked": OTHER}, "step 9"),
        ({"leaf": 2}, "isn't shown"),
        ({"leaf": 7}, "isn't shown"),
        ({"counts": {"agencies": 2}}, "step 12"),
        ({"justification": "Another reason"}, "step 12"),
        ({"digests": HANDED["digests"] | {"map": "13" * 32}}, "step 12"),
        ({"digests": HANDED["digests"] | {"more": "13" * 32}}, "step 12"),
        ({"kind": "results.exported"}, "step 12"),
        ({"signed": sign_cohort(replace(COHORT, run="00" * 16), MATCHER)}, "step 12"),
        ({"signed": sign_cohort(COHORT, POLICE)}, "step 4"),
    ],
)
def test_a_cohort_that_is_not_so_is_refused(changes, why):
    with pytest.raises(VerificationError, match=why):
        verify_cohort_file(cohort_file(**changes), "it", AGREEMENT, "analyst", LOG.verifier)


def test_the_analyst_never_sees_the_key():
    """The manifest that the cohort hands over says only what the key's digest is."""
    assert BLINDING.hex().encode() not in base64.b64decode(COHORT.agencies[0].payload)
    assert encode_base64(BLINDING).encode() not in base64.b64decode(SIGNED.split(b'"')[11])
    assert sign_payload_manifest(MANIFEST, CARE) == SIGNED


def test_no_payload_no_cohort():
    bare = parse(changed(('roles = ["analyst"]', 'roles = ["recipient"]')))
    manifest = sign_payload_manifest(replace(MANIFEST, agreement=bare.digest()), CARE)
    with pytest.raises(VerificationError, match="no analyst"):
        verify_payload_manifest(manifest, "it", bare)
