"""Keys against the vectors of RFC 8032, RFC 9180, X-Wing and draft-ietf-hpke-pq, and pyhpke."""

import copy
import hashlib
import json
import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given
from hypothesis import strategies as st
from pyhpke import AEADId, CipherSuite, KDFId, KEMId, KEMKey

from linkage.errors import InputError, VerificationError
from linkage.protocol import keys
from linkage.protocol.keys import (
    OpeningKey,
    SealingKey,
    SigningKey,
    VerifyingKey,
    parse_sealing_key,
    parse_verifying_key,
)
from linkage.small_order import SMALL_ORDER
from tests.linkage.protocol.parties import CARE, POLICE

# The vectors have associated data, which the library takes for tests only.
open_with_aad = openssl.hpke._decrypt_with_aad
VECTORS = Path("tests/vectors")
# RFC 8032, section 7.1: secret key, public key, message, signature.
RFC_8032 = [
    ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "46bd25bf5f0595bbe24655141438e7a100b"),
    ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d8c387b2eaeb4302aeeb00d291612bb0c00"),
    ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "6594a7c15e9716ed28dc027beceea1ec40a"),
]  # fmt: skip


def vectors(name):
    return json.loads((VECTORS / name).read_text())["vectors"]


def raw(vector):
    return {
        name: bytes.fromhex(own) if isinstance(own, str) else own for name, own in vector.items()
    }


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_signatures_are_those_of_rfc_8032(secret, public, message, signature):
    key = SigningKey(bytes.fromhex(secret))
    assert key.verifying_key.raw.hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    key.verifying_key.verify(bytes.fromhex(signature), bytes.fromhex(message))


@pytest.mark.parametrize("vector", vectors("xwing.json"))
def test_sealing_keys_are_those_of_x_wing(vector):
    """The public key of a seed, and the shared secret, put together as section 5.3 says."""
    own = raw(vector)
    assert OpeningKey(own["sk"]).sealing_key.raw == own["pk"]
    expanded = hashlib.shake_256(own["sk"]).digest(96)
    kem = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64]).decapsulate(own["ct"][:1088])
    curve = x25519.X25519PrivateKey.from_private_bytes(expanded[64:]).exchange(
        x25519.X25519PublicKey.from_public_bytes(own["ct"][1088:])
    )
    label = rb"\.//^" + b"\\"
    assert len(label) == 6
    material = kem + curve + own["ct"][1088:] + own["pk"][1184:] + label
    assert hashlib.sha3_256(material).digest() == own["ss"]


@pytest.mark.parametrize("vector", vectors("hpke_mlkem768-x25519.json"))
def test_the_suite_is_that_of_the_draft(vector):
    own = raw(vector)
    key = OpeningKey(own["skRm"])
    assert key.sealing_key.raw == own["pkRm"]
    opened = open_with_aad(keys._SUITE, own["enc"] + own["ct"], key._key, own["info"], own["aad"])
    assert opened == own["pt"]


@pytest.mark.parametrize(
    "vector", vectors("hpke_rfc9180.json"), ids=lambda v: f"aead{v['aead_id']}"
)
def test_the_librarys_hpke_is_that_of_rfc_9180(vector):
    own = raw(vector)
    aead = {1: AEAD.AES_128_GCM, 2: AEAD.AES_256_GCM, 3: AEAD.CHACHA20_POLY1305}[own["aead_id"]]
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, aead)
    key = x25519.X25519PrivateKey.from_private_bytes(own["skRm"])
    opened = open_with_aad(suite, own["enc"] + own["ct"], key, own["info"], own["aad"])
    assert opened == own["pt"]


def test_the_librarys_hpke_and_pyhpke_open_each_others_messages():
    """pyhpke has no hybrid key, so this is the same suite but for X25519 alone."""
    ours = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    theirs = CipherSuite.new(
        KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.CHACHA20_POLY1305
    )
    private = x25519.X25519PrivateKey.from_private_bytes(bytes(range(32)))
    info, text = b"concord/1/sealed\n{}", b"x" * 1024
    encapsulated, context = theirs.create_sender_context(
        KEMKey.from_pyca_cryptography_key(private.public_key()), info
    )
    assert ours.decrypt(encapsulated + context.seal(text), private, info) == text
    sealed = ours.encrypt(text, private.public_key(), info)
    opened = theirs.create_recipient_context(
        sealed[:32], KEMKey.from_pyca_cryptography_key(private), info
    ).open(sealed[32:])
    assert opened == text


def edwards_small_order():
    """The points whose order divides 8, computed: every encoding of their y, without sign bits."""
    p = 2**255 - 19
    d = -121665 * pow(121666, -1, p) % p

    def add(a, b):
        (x1, y1), (x2, y2) = a, b
        shared = d * x1 * x2 * y1 * y2 % p
        return (
            (x1 * y2 + x2 * y1) * pow(1 + shared, -1, p) % p,
            (y1 * y2 + x1 * x2) * pow(1 - shared, -1, p) % p,
        )

    order = 2**252 + 27742317777372353535851937790883648493
    found = set()
    for y in range(2, 40):
        square = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
        x = pow(square, (p + 3) // 8, p)
        x = x if x * x % p == square else x * pow(2, (p - 1) // 4, p) % p
        if x * x % p != square:
            continue
        point, total, times = (x, y), (0, 1), order
        while times:
            total = add(total, point) if times & 1 else total
            point, times = add(point, point), times >> 1
        for _ in range(8):
            found.add(total[1])
            total = add(total, (0, p - 1))
    return {y + extra for y in found | {0, 1, p - 1} for extra in (0, p) if y + extra < 2**255}


def test_keys_of_small_order_are_refused():
    points = edwards_small_order()
    assert {y.to_bytes(32, "little") for y in points} == SMALL_ORDER
    for y in points:
        for sign in (0, 1 << 255):
            with pytest.raises(InputError, match="not a usable Ed25519 key"):
                VerifyingKey((y | sign).to_bytes(32, "little"))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_signing_keys_of_another_length_are_refused(length):
    with pytest.raises(InputError):
        VerifyingKey(b"\x05" * length)


def test_sealing_keys_that_nothing_can_be_sealed_to_are_refused():
    sound = POLICE.public.sealing_key.raw
    for broken in (
        sound[:-1], sound + b"\0", b"\xff" * 1216, sound[:1184] + bytes(32), b"",
    ):  # fmt: skip
        with pytest.raises(InputError):
            SealingKey(broken)


def test_keys_as_text():
    public = POLICE.public
    assert parse_verifying_key(str(public.signing_key)) == public.signing_key
    assert parse_sealing_key(str(public.sealing_key)) == public.sealing_key
    for text in ("", "rsa:AAAA", str(public.signing_key)[:-2], str(public.sealing_key) + "A"):
        for parse in (parse_verifying_key, parse_sealing_key):
            with pytest.raises(InputError):
                parse(text)


@given(st.text(max_size=80))
def test_any_text_is_a_key_or_refused(text):
    for parse in (parse_verifying_key, parse_sealing_key):
        for prefix in ("", "ed25519:", "mlkem768-x25519:"):
            try:
                parse(prefix + text)
            except InputError:
                continue


def test_private_keys_show_themselves_nowhere():
    seed = b"canary-canary-canary-canary-cana"
    for key in (SigningKey(seed), OpeningKey(seed)):
        assert "canary" not in repr(key) + str(key) + f"{[key]}"
        assert not hasattr(key, "__dict__")
        for leak in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                leak(key)
    assert repr(POLICE) == "Identity('police', hidden)"


def test_fingerprints_differ_with_name_and_either_key():
    one = POLICE.public
    others = [
        type(one)("other", one.signing_key, one.sealing_key),
        type(one)(one.name, CARE.public.signing_key, one.sealing_key),
        type(one)(one.name, one.signing_key, CARE.public.sealing_key),
    ]
    prints = {identity.fingerprint for identity in (one, *others)}
    assert len(prints) == 4
    assert all(len(text) == 39 and text.count("-") == 7 for text in prints)


def test_a_seal_that_was_changed_and_a_seed_of_another_length():
    sealed = CARE.public.sealing_key.seal(b"text", b"info")
    assert CARE.opening_key.open(sealed, b"info") == b"text"
    for changed, info in ((sealed[:-1], b"info"), (sealed, b"inf"), (b"", b"info")):
        with pytest.raises(VerificationError):
            CARE.opening_key.open(changed, info)
    for make in (SigningKey, OpeningKey):
        with pytest.raises(ValueError, match="32 bytes"):
            make(b"short")
