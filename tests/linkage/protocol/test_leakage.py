"""What a manifest tells of the leakage report: one form, closed, and as signed."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.errors import VerificationError
from linkage.protocol import settings as plain
from linkage.protocol.canonical import canonical_json
from linkage.protocol.leakage import AttackOutcome, LeakageSummary
from linkage.protocol.signing import open_envelope, sign
from linkage.protocol.upload import MANIFEST_KIND, leakage_of, sign_manifest, verify_manifest
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.leaks import GRAPH, LEAK, OVERRULED, PASSED
from tests.linkage.protocol.make_upload_vectors import MANIFEST, SIGNED
from tests.linkage.protocol.parties import CARE

TOLD = replace(MANIFEST, leakage=OVERRULED)
SIGNED_TOLD = sign_manifest(TOLD, CARE)
ATTACK = plain.settings(GRAPH)
OVER = {"attacks": [plain.settings(LEAK)], "verdict": "overruled"}


def payload_of(signed: bytes) -> bytes:
    return open_envelope(signed, "it")[1]


def accepted(leakage: object) -> LeakageSummary | None:
    """Return what is read of a manifest that says just that, or raise."""
    said = plain.settings(MANIFEST) | {"leakage": leakage}
    signed = sign(MANIFEST_KIND, canonical_json(said), CARE)
    return verify_manifest(signed, "it", AGREEMENT, 2)[1].leakage


def test_the_bytes_are_these():
    digest = b"6b" * 32
    assert (
        b'"leakage":{"attacks":[{"attack":"50 known pairs","baseline":0.002222,"groups":["GD"],'
        b'"over_limit":false,"sample":"dense","sample_records":500,"share":0},'
        b'{"attack":"frequency","baseline":0.002,"groups":["CLK"],"over_limit":true,'
        b'"sample":"dense","sample_records":500,"share":0.654}],"limit":0.02,'
        b'"overruled":"A trial with <invented> people.","report":"'
        + digest
        + b'","verdict":"overruled"},"part_size":1000000'
    ) in payload_of(SIGNED_TOLD)


def test_manifests_without_one_are_what_they_were():
    assert b"leakage" not in payload_of(SIGNED)
    assert leakage_of(SIGNED) is None


def test_what_is_signed_is_what_is_read():
    assert verify_manifest(SIGNED_TOLD, "it", AGREEMENT, 2) == ("care", TOLD)
    assert leakage_of(SIGNED_TOLD) == OVERRULED


@settings(max_examples=60)
@given(st.integers(0, 8 * len(SIGNED_TOLD) - 1))
def test_no_bit_can_change(at: int):
    altered = bytearray(SIGNED_TOLD)
    altered[at // 8] ^= 1 << (at % 8)
    with pytest.raises(VerificationError):
        verify_manifest(bytes(altered), "it", AGREEMENT, 2)


SHARES = st.integers(0, 10**6).map(lambda millionths: round(millionths / 10**6, 6))
ATTACKS = st.builds(
    AttackOutcome,
    sample=st.sampled_from(["own rows", "dense"]),
    sample_records=st.integers(1, 10**6),
    attack=st.from_regex(r"[a-z0-9][a-z0-9 -]{0,39}", fullmatch=True),
    groups=st.lists(st.sampled_from(["GD", "SD", "G_1-x"]), min_size=1, max_size=3).map(tuple),
    share=SHARES,
    baseline=SHARES,
    over_limit=st.booleans(),
)


@settings(max_examples=60)
@given(
    st.lists(
        ATTACKS, max_size=8, unique_by=lambda one: (one.sample, one.sample_records, one.attack)
    ),
    SHARES,
)
def test_every_outcome_is_read_back(attacks: list[AttackOutcome], limit: float):
    over = any(one.over_limit for one in attacks)
    made = LeakageSummary(
        report="ab" * 32,
        verdict="overruled" if over else "passed",
        limit=limit,
        attacks=tuple(attacks),
        overruled="Why not?" if over else None,
    )
    assert accepted(plain.settings(made)) == made
    if made.worst is not None:
        assert made.worst.over_limit == over


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "failed"},
        {"verdict": "overruled"},
        {"overruled": "There was no need."},
        {"attacks": [plain.settings(LEAK)]},
        OVER,
        OVER | {"overruled": ""},
        OVER | {"overruled": "x" * 1001},
        OVER | {"overruled": "two\nlines"},
        OVER | {"overruled": "turned\u202eback"},
        OVER | {"overruled": "born 2011-03-14"},
        {"attacks": [ATTACK, ATTACK]},
        {"attacks": [ATTACK | {"attack": f"no {k}"} for k in range(65)]},
        {"attacks": [ATTACK | {"share": 0.1234567}]},
        {"attacks": [ATTACK | {"share": 1.000001}]},
        {"attacks": [ATTACK | {"baseline": -0.1}]},
        {"attacks": [ATTACK | {"share": "0.1"}]},
        {"attacks": [ATTACK | {"over_limit": 0}]},
        {"attacks": [ATTACK | {"groups": []}]},
        {"attacks": [ATTACK | {"groups": ["<b>"]}]},
        {"attacks": [ATTACK | {"attack": "<script>"}]},
        {"attacks": [ATTACK | {"attack": "a\nb"}]},
        {"attacks": [ATTACK | {"sample": " "}]},
        {"attacks": [ATTACK | {"sample_records": 0}]},
        {"attacks": [ATTACK | {"recovered": 6}]},
        {"limit": 2},
        {"report": "AB" * 32},
        {"measures": []},
    ],
)
def test_what_can_t_be_so_is_refused(change: dict[str, object]):
    assert accepted(plain.settings(PASSED)) == PASSED
    with pytest.raises(VerificationError, match="can't be so"):
        accepted(plain.settings(PASSED) | change)


@pytest.mark.parametrize("member", ["report", "verdict", "limit", "attacks"])
def test_nothing_may_be_missing(member: str):
    said = plain.settings(PASSED)
    del said[member]
    with pytest.raises(VerificationError, match="can't be so"):
        accepted(json.loads(json.dumps(said)))
