"""Sealed messages open for one recipient, from one sender, for one purpose."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.errors import InputError, VerificationError
from linkage.protocol import sealing
from linkage.protocol.keys import Identity
from linkage.protocol.sealing import Context, open_sealed, seal, size_class
from tests.linkage.protocol.parties import CARE, HEALTH, POLICE, flipped, identity

CONTEXT = Context("ab" * 32, epoch=3, round=2, kind="linkage-secret", sequence=5)
PAYLOAD = b"canary-payload"
SEALED = seal(CARE.public, CONTEXT, PAYLOAD, POLICE)


def opened(content=SEALED, context=CONTEXT, sender=POLICE.public, own=CARE):
    return open_sealed(content, "secret.sealed", context, sender, own)


def forged(header, plaintext, recipient=CARE):
    """A message as somebody makes it who follows the steps of sealing as far as it suits."""
    ciphertext = recipient.public.sealing_key.seal(plaintext, b"concord/1/sealed\n" + header)
    return b"\n".join((b"concord/1/sealed", header, ciphertext))


def header_of(content):
    return content.split(b"\n", 2)[1]


@settings(max_examples=30)
@given(st.binary(max_size=3000))
def test_what_is_sealed_opens(payload):
    content = seal(CARE.public, CONTEXT, payload, POLICE)
    assert opened(content) == payload


def test_every_flipped_bit_is_refused():
    for content in flipped(SEALED):
        with pytest.raises(VerificationError):
            opened(content)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"agreement": "cd" * 32}, "agreement"),
        ({"epoch": 4}, "epoch 3, not for 4"),
        ({"round": 1}, "round"),
        ({"kind": "disclosure"}, "kind"),
        ({"sequence": 6}, "sequence"),
        ({"sequence": 4}, "sequence"),
    ],
)
def test_a_message_for_something_else_is_refused(change, named):
    other = replace(CONTEXT, **change)
    with pytest.raises(VerificationError, match=f"{named}.*step 3"):
        opened(context=other)
    # Nor does it help to put the other header in front.
    lines = SEALED.split(b"\n", 2)
    lines[1] = header_of(seal(CARE.public, other, PAYLOAD, POLICE))
    with pytest.raises(VerificationError, match="step 4"):
        opened(b"\n".join(lines), context=other)


def test_other_recipients_and_senders_are_refused():
    with pytest.raises(VerificationError, match="recipient"):
        opened(own=HEALTH)
    with pytest.raises(VerificationError, match="recipient key"):
        opened(own=identity("care", 77))
    with pytest.raises(VerificationError, match="sender"):
        opened(sender=HEALTH.public)
    with pytest.raises(VerificationError, match="sender key"):
        opened(sender=identity("police", 77).public)


def test_a_recipient_cannot_pass_a_message_on_as_if_it_were_for_another():
    """Surreptitious forwarding: care opens it and seals what police signed to health."""
    plaintext = CARE.opening_key.open(
        SEALED.split(b"\n", 2)[2], b"concord/1/sealed\n" + header_of(SEALED)
    )
    header = header_of(seal(HEALTH.public, CONTEXT, PAYLOAD, POLICE))
    with pytest.raises(VerificationError, match=r"'police'.*step 6"):
        opened(forged(header, plaintext, HEALTH), own=HEALTH)


def test_anybody_can_seal_but_only_the_sender_can_sign():
    mallory = identity("mallory", 66)
    pretender = Identity("police", mallory.signing_key, mallory.opening_key)
    honest = header_of(SEALED)
    plaintext = sealing._padded(pretender.signing_key.sign(b"whatever"), PAYLOAD)
    with pytest.raises(VerificationError, match=r"'police'.*step 6"):
        opened(forged(honest, plaintext))


@pytest.mark.parametrize("broken", ["tail", "length", "class", "longest"])
def test_padding_is_of_one_form(broken):
    signature = bytes(64)
    plaintext = bytearray(sealing._padded(signature, PAYLOAD))
    if broken == "tail":
        plaintext[-1] = 1
    elif broken == "length":
        plaintext[64:72] = (2**63).to_bytes(8, "big")
    elif broken == "longest":
        plaintext[64:72] = (1024).to_bytes(8, "big")
    else:
        plaintext = plaintext.ljust(2048, b"\0")
    with pytest.raises(VerificationError, match="step 5"):
        opened(forged(header_of(SEALED), bytes(plaintext)))


def test_lengths_tell_only_the_size_class():
    short = {len(seal(CARE.public, CONTEXT, b"x" * n, POLICE)) for n in (0, 1, 500, 952)}
    assert short == {len(SEALED)}
    assert [size_class(n) for n in (0, 952, 953, 1976, 1977)] == [1024, 1024, 2048, 2048, 4096]


@given(st.integers(0, 2**26))
def test_size_classes_are_powers_of_two_that_suffice(length):
    found = size_class(length)
    assert found >= max(1024, length + 72)
    assert found & (found - 1) == 0
    assert found == 1024 or found < 2 * (length + 72)


def test_the_payload_is_not_in_the_message_and_no_two_are_alike():
    assert PAYLOAD not in SEALED
    assert seal(CARE.public, CONTEXT, PAYLOAD, POLICE) != SEALED


def test_too_large_a_payload_is_refused(monkeypatch):
    monkeypatch.setattr(sealing, "MOST_PAYLOAD", 100)
    with pytest.raises(InputError, match="cut it"):
        seal(CARE.public, CONTEXT, b"x" * 101, POLICE)


@pytest.mark.parametrize(
    "content",
    [b"", b"concord/1/sealed", SEALED[:-1], SEALED[:400], SEALED + b"\0",
     SEALED.replace(b"1", b"2", 1),
     b"concord/1/sealed\n" + b"x" * 9000],
)  # fmt: skip
def test_cut_and_strange_messages_are_refused(content):
    with pytest.raises(VerificationError, match=r"secret\.sealed"):
        opened(content)


@pytest.mark.parametrize("point", [bytes(32), b"\1" + bytes(31), b"\xff" * 32])
def test_keys_that_no_honest_sender_encapsulates_are_refused(point):
    """X25519's points of small order would make half of the key known to everybody."""
    head, ciphertext = SEALED[:-2160], SEALED[-2160:]
    with pytest.raises(VerificationError, match="step 4"):
        opened(head + ciphertext[:1088] + point + ciphertext[1120:])


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_are_refused(head, tail):
    for content in (head, b"concord/1/sealed\n" + head + b"\n" + tail.ljust(2160, b"\0")):
        with pytest.raises(VerificationError):
            opened(content)
