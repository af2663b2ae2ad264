"""Notes, checkpoints and cosignatures: published examples, flipped bits, other spellings."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from linkage.audit.checkpoint import (
    Checkpoint,
    empty_checkpoint,
    open_checkpoint,
    parse_checkpoint_text,
    sign_checkpoint,
    verify_checkpoint,
)
from linkage.audit.cosignature import cosign, verify_cosignature, verify_witnesses
from linkage.audit.failures import LogError, MalformedError, SignatureError, WitnessError
from linkage.audit.keys import (
    LogKeys,
    SignatureType,
    VerifierKey,
    parse_keys,
    parse_verifier_key,
)
from linkage.audit.notes import SignedNote, parse_note, verify_note
from linkage.small_order import SMALL_ORDER
from tests.linkage.audit.bits import flipped
from tests.linkage.audit.curve import P, both_x, point, small_order
from tests.linkage.audit.made_up import COSIGNED, KEYS, LOG, WITNESSES, LyingLog, events, signer

FOLDER = Path(__file__).parents[2] / "vectors" / "notes"
NOTE = LyingLog(events(5)).note()


def published(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["c2sp", "go", "public-checkpoint"])
def test_published_notes(name):
    case = published(name)
    note = parse_note(case["note"].encode())
    verify_note(note, parse_verifier_key(case["log_key"]))
    found = {key: verify_cosignature(note, parse_verifier_key(key)) for key in case["witnesses"]}
    assert {key: one.time for key, one in found.items()} == case["witnesses"]
    assert str(parse_verifier_key(case["log_key"])) == case["log_key"]
    assert str(note) == case["note"]


def test_a_public_checkpoint():
    case = published("public-checkpoint")
    opened = open_checkpoint(case["note"].encode(), parse_verifier_key(case["log_key"]))
    assert opened.size == case["size"]


def test_signing_as_written_from_the_specification():
    """The same bytes from hashlib, base64 and nothing of ours."""
    log, witness = LOG.private, WITNESSES[0].private
    text = str(LyingLog(events(5)).checkpoint())

    def line(name, type_, private, signature):
        public = private.public_key().public_bytes_raw()
        hashed = hashlib.sha256(name.encode() + b"\n" + bytes([type_]) + public).digest()
        return f"— {name} {base64.b64encode(hashed[:4] + signature).decode()}\n"

    message = f"cosignature/v1\ntime {COSIGNED}\n{text}".encode()
    stamped = COSIGNED.to_bytes(8, "big") + witness.sign(message)
    expected = (
        f"{text}\n"
        + line("concord.example/north-east", 1, log, log.sign(text.encode()))
        + line("care", 4, witness, stamped)
    )
    assert str(LyingLog(events(5)).note(witnesses=WITNESSES[:1])) == expected


def fully_verified(data):
    note = parse_note(data)
    verify_checkpoint(note, KEYS.log)
    verify_witnesses(note, KEYS.witnesses, len(KEYS.witnesses))


def test_every_flipped_bit_of_a_cosigned_checkpoint_is_refused():
    whole = NOTE.to_bytes()
    fully_verified(whole)
    for wrong in flipped(whole):
        with pytest.raises(LogError):
            fully_verified(wrong)


def test_every_flipped_bit_of_a_key_is_refused():
    whole = str(KEYS.witnesses[0]).encode()
    for wrong in flipped(whole):
        with pytest.raises((MalformedError, UnicodeDecodeError)):
            parse_verifier_key(wrong.decode())


def test_cutting_a_checkpoint_anywhere_is_refused():
    whole = NOTE.to_bytes()
    for end in range(len(whole)):
        with pytest.raises(LogError):
            fully_verified(whole[:end])


def changed(old, new):
    text = str(NOTE)
    assert old in text
    return text.replace(old, new, 1).encode()


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"\n\n",
        changed("\n5\n", "\n05\n"),
        changed("\n5\n", "\n+5\n"),
        changed("\n5\n", "\n5 \n"),
        changed("\n5\n", "\n٥\n"),
        changed("\n5\n", "\n5\r\n"),
        changed("\n5\n", "\n99999999999999999999\n"),
        changed("\n\n— ", "\nmore\n\n— "),
        changed("\n\n— ", "\n\n\n— "),
        changed("\n— ", "\n- "),
        changed("— care ", "— care  "),
        changed("— care ", "— "),
        str(NOTE)[:-1].encode(),
        str(NOTE).encode() + b"\n",
        str(NOTE).encode() * 2,
        str(NOTE).replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + str(NOTE).encode(),
        str(NOTE).encode() + str(NOTE).splitlines(keepends=True)[-1].encode(),
        str(NOTE).encode() + b"x" * 70_000,
    ],
)
def test_other_spellings_of_a_checkpoint_are_refused(wrong):
    with pytest.raises(LogError):
        fully_verified(wrong)


def signed_text(text):
    line = type(NOTE.signatures[0])(LOG.name, LOG.verifier.id, LOG.private.sign(text.encode()))
    return SignedNote(text, (line,))


@pytest.mark.parametrize("text", ["a\tb\n", "a\rb\n", "a\0b\n", "\x1b[2J\n"])
def test_control_characters_are_refused_even_if_signed(text):
    with pytest.raises(MalformedError, match="control character"):
        parse_note(signed_text(text).to_bytes())


def test_long_notes_are_refused_even_if_signed():
    verify_note(parse_note(signed_text("a" * 65_000 + "\n").to_bytes()), KEYS.log)
    with pytest.raises(MalformedError, match="longer"):
        parse_note(signed_text("a" * 65_536 + "\n").to_bytes())


def test_many_signatures_are_refused():
    strangers = [signer(f"stranger-{number}", SignatureType.WITNESS) for number in range(100)]
    lines = [cosign(NOTE, one, COSIGNED) for one in strangers]
    assert len(parse_note(NOTE.with_signatures(*lines[:97]).to_bytes()).signatures) == 100
    with pytest.raises(MalformedError, match="too many"):
        parse_note(NOTE.with_signatures(*lines[:98]).to_bytes())


@pytest.mark.parametrize("length", [1, 63, 65])
def test_signatures_of_another_length_are_refused(length):
    log, care, _ = NOTE.signatures
    for line, verify in ((log, verify_note), (care, verify_cosignature)):
        signature = (line.signature + b"\0")[: len(line.signature) - 64 + length]
        note = NOTE.with_signatures(type(line)(line.name, line.key_id, signature))
        key = KEYS.log if line is log else KEYS.witnesses[0]
        with pytest.raises(SignatureError, match=r"64 bytes|a time and a signature"):
            verify(note, key)


@pytest.mark.parametrize(
    "text",
    [
        f"{LOG.name}\n{2**63}\n{'A' * 43}=\n",
        f"{LOG.name}\n5\n{'A' * 43}=\n\n",
        f"{LOG.name}\n5\n{'A' * 43}=",
        f"{LOG.name}\n5\n{'A' * 40}\n",
        f"{LOG.name}\n5\n\n",
        f"{LOG.name}\n5\n{'A' * 43}=\nextension\n",
        f"\n5\n{'A' * 43}=\n",
    ],
)
def test_other_texts_are_no_checkpoints_even_if_signed(text):
    with pytest.raises(MalformedError):
        verify_checkpoint(signed_text(text), KEYS.log)


def test_a_cosignature_after_the_last_year_is_refused_even_if_signed():
    for time, good in ((253_402_300_799, True), (253_402_300_800, False)):
        message = f"cosignature/v1\ntime {time}\n{NOTE.text}".encode()
        signature = time.to_bytes(8, "big") + WITNESSES[0].private.sign(message)
        line = NOTE.signatures[1]
        note = NOTE.with_signatures(type(line)(line.name, line.key_id, signature))
        if good:
            assert verify_cosignature(note, KEYS.witnesses[0]).time == time
        else:
            with pytest.raises(SignatureError, match="a time and a signature"):
                verify_cosignature(note, KEYS.witnesses[0])


def test_idle_bits_of_base64_are_refused():
    line = str(KEYS.log)
    last = line[-1]
    assert last != "="  # 33 bytes have no idle bits; a signature's 68 have two
    encoded = str(NOTE.signatures[0]).split(" ")[2].strip()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = alphabet[alphabet.index(encoded[-2]) ^ 1]
    wrong = encoded[:-2] + other + "="
    assert base64.b64decode(wrong) == base64.b64decode(encoded)
    with pytest.raises(MalformedError, match="canonical"):
        parse_note(str(NOTE).replace(encoded, wrong).encode())


def test_signatures_of_unknown_keys_are_ignored_and_those_of_known_ones_count():
    stranger = signer("stranger", SignatureType.WITNESS)
    note = NOTE.with_signatures(cosign(NOTE, stranger, COSIGNED))
    fully_verified(note.to_bytes())
    with pytest.raises(SignatureError, match="no signature"):
        verify_checkpoint(note, signer(LOG.name, SignatureType.LOG, "another key").verifier)


def test_a_known_key_whose_signature_is_wrong_spoils_the_note():
    other = LyingLog(events(6)).note()
    swapped = SignedNote(NOTE.text, (NOTE.signatures[0], *other.signatures[1:]))
    verify_checkpoint(swapped, KEYS.log)
    with pytest.raises(SignatureError):
        verify_witnesses(swapped, KEYS.witnesses, 0)


def test_too_few_witnesses_are_named():
    note = LyingLog(events(5)).note(witnesses=WITNESSES[:1])
    assert [one.witness for one in verify_witnesses(note, KEYS.witnesses, 1)] == ["care"]
    with pytest.raises(WitnessError, match="none of police"):
        verify_witnesses(note, KEYS.witnesses, 2)


def test_a_cosignature_is_of_its_time_only():
    line = NOTE.signatures[1]
    for time in (COSIGNED + 1, 2**63):
        moved = time.to_bytes(8, "big") + line.signature[8:]
        note = NOTE.with_signatures(type(line)(line.name, line.key_id, moved))
        with pytest.raises(SignatureError):
            verify_cosignature(note, KEYS.witnesses[0])


def test_a_log_signature_and_a_cosignature_of_one_key_are_not_exchangeable():
    private = LOG.private
    as_witness = type(LOG)(LOG.name, SignatureType.WITNESS, private).verifier
    assert as_witness.id != LOG.verifier.id
    assert verify_cosignature(NOTE, as_witness) is None
    with pytest.raises(ValueError, match="cosignatures"):
        verify_note(NOTE, as_witness)
    with pytest.raises(ValueError, match="log signs notes"):
        verify_cosignature(NOTE, LOG.verifier)


def test_a_checkpoint_of_another_log_is_refused():
    other = Checkpoint("other.example", 5, NOTE.text.encode()[:32])
    text = str(other)
    line = type(NOTE.signatures[0])(LOG.name, LOG.verifier.id, LOG.private.sign(text.encode()))
    with pytest.raises(MalformedError, match="isn't of the log"):
        verify_checkpoint(SignedNote(text, (line,)), LOG.verifier)
    for wrong in (LOG, signer("other.example", SignatureType.WITNESS)):
        with pytest.raises(ValueError, match="its own"):
            sign_checkpoint(other, wrong)


def test_the_empty_log_has_one_root():
    empty = empty_checkpoint(LOG.name)
    assert parse_checkpoint_text(str(empty)) == empty
    with pytest.raises(MalformedError):
        parse_checkpoint_text(str(Checkpoint(LOG.name, 0, bytes(32))))


def test_keys_are_one_log_then_witnesses_with_names_of_their_own():
    assert parse_keys(str(KEYS).splitlines()) == KEYS
    log, care, _ = str(KEYS).splitlines()
    twin = str(signer("care", SignatureType.WITNESS, "other").verifier)
    for wrong in ([], [care], [care, log], [log, log], [log, care, twin]):
        with pytest.raises(MalformedError):
            parse_keys(wrong)
    assert LogKeys(KEYS.log).witnesses == ()


@pytest.mark.parametrize("name", ["", "a b", "a+b", "ä", "a\n", "a\x7f", "a" * 129])
def test_names_that_keys_cannot_have(name):
    with pytest.raises(MalformedError):
        VerifierKey(name, SignatureType.LOG, bytes(32))


@pytest.mark.parametrize("encoded", sorted(SMALL_ORDER))
@pytest.mark.parametrize("sign", [0, 0x80])
def test_keys_of_small_order_are_refused(encoded, sign):
    public = encoded[:31] + bytes([encoded[31] | sign])
    assert small_order(public)
    with pytest.raises(MalformedError, match="proves nothing"):
        VerifierKey("a", SignatureType.LOG, public)


def test_there_are_no_other_keys_of_small_order():
    """The eight points of small order, in every spelling: y, or y + p where that fits 255 bits."""
    ys = {point(encoded)[1] for encoded in SMALL_ORDER}
    spelled = {y + more for y in ys for more in (0, P) if y + more < 2**255}
    assert {y.to_bytes(32, "little") for y in spelled} == SMALL_ORDER
    assert len({(x, y) for y in ys for x in both_x(y)}) == 8
    assert not any(small_order(key.public) for key in (KEYS.log, *KEYS.witnesses))


def test_such_a_key_would_fit_any_message():
    identity, signature = bytes([1]) + bytes(31), bytes([1]) + bytes(63)
    Ed25519PublicKey.from_public_bytes(identity).verify(signature, b"whatever")


def test_private_keys_are_hidden():
    assert "private" not in repr(LOG)
    assert LOG.private.private_bytes_raw().hex() not in repr(LOG)


def test_fingerprints_tell_names_types_and_keys_apart():
    keys = [
        signer(name, type_, seed).verifier
        for name in ("a", "b")
        for type_ in SignatureType
        for seed in ("1", "2")
    ]
    assert len({key.fingerprint for key in keys}) == len({key.id for key in keys}) == 8
    assert KEYS.log.fingerprint.replace(" ", "").startswith(KEYS.log.id.hex())


NAMES = st.from_regex(r"[!-*,-~]{1,20}", fullmatch=True)


@given(NAMES, st.binary(min_size=32, max_size=32), st.sampled_from(SignatureType))
def test_keys_come_back_from_their_text(name, seed, type_):
    key = type(LOG)(name, type_, Ed25519PrivateKey.from_private_bytes(seed)).verifier
    assert parse_verifier_key(str(key)) == key


@given(NAMES, st.integers(1, 2**63 - 1), st.binary(min_size=32, max_size=32),
       st.binary(min_size=32, max_size=32))  # fmt: skip
def test_checkpoints_come_back_from_their_notes(origin, size, root, seed):
    log = type(LOG)(origin, SignatureType.LOG, Ed25519PrivateKey.from_private_bytes(seed))
    note = sign_checkpoint(Checkpoint(origin, size, root), log)
    assert parse_note(note.to_bytes()) == note
    assert open_checkpoint(note.to_bytes(), log.verifier) == Checkpoint(origin, size, root)
    Ed25519PublicKey.from_public_bytes(log.verifier.public).verify(
        note.signatures[0].signature, note.text.encode()
    )
