"""Announcements, states, manifests and receipts: read back as written, refused if changed."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.errors import VerificationError
from linkage.protocol.upload import (
    Announcement,
    UploadState,
    announcement_bytes,
    parse_announcement,
    part_count,
    part_length,
    verify_manifest,
)
from linkage.receipts import verify_receipt
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.make_upload_vectors import MANIFEST, SIGNED, receipt
from tests.linkage.protocol.parties import flipped

SIZES = st.integers(1, 10**9)
STATE = UploadState("ab" * 16, 1, "open", "cd" * 32, 10, 3, (0, 3))


@given(SIZES, st.integers(10**6, 10**8))
def test_parts_make_the_file(size, part_size):
    count = part_count(size, part_size)
    lengths = [part_length(size, part_size, number) for number in range(count)]
    assert sum(lengths) == size
    assert all(length == part_size for length in lengths[:-1])
    assert 0 < lengths[-1] <= part_size
    for number in (-1, count):
        with pytest.raises(ValueError, match="no such part"):
            part_length(size, part_size, number)


def test_messages_are_read_back():
    announced = Announcement("ab" * 32, 5)
    assert parse_announcement(announcement_bytes(announced), "it") == announced


def test_what_is_missing_of_an_upload():
    assert STATE.missing == (1, 2)
    assert replace(STATE, received=(0, 1, 2, 3)).missing == ()


@pytest.mark.parametrize(
    "change", [{"size": 0}, {"sha256": "AB" * 32}, {"size": "5"}, {"size": True}, {"more": 1}]
)
def test_announcements_that_are_none(change):
    content = json.dumps({"sha256": "ab" * 32, "size": 5, **change}, sort_keys=True)
    with pytest.raises(VerificationError):
        parse_announcement(content.replace(" ", "").encode(), "it")


def test_a_manifest_says_who_sent_what():
    assert verify_manifest(SIGNED, "it", AGREEMENT, 2) == ("care", MANIFEST)


def test_no_bit_of_a_receipt_can_change():
    """Most flips of base64 aren't JSON or base64 any more; all are refused."""
    content = receipt()
    verified = verify_receipt(content, "it", AGREEMENT, "care", LOG.verifier)
    assert (verified.manifest, verified.event.party, verified.checkpoint.size) == (
        MANIFEST, "care", 7,
    )  # fmt: skip
    for changed in list(flipped(content))[::37]:
        with pytest.raises(VerificationError):
            verify_receipt(changed, "it", AGREEMENT, "care", LOG.verifier)
