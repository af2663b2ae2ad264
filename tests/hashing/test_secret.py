import copy
import pickle
import stat

import pytest

from hashing.encoder import Encoder
from hashing.keys import PartKeys
from hashing.secret import LinkageSecret, create_secret, derive, read_secret
from linkage.errors import PolicyError
from tests.hashing import reference
from tests.hashing.schemes import x6

CANARY = b"canary-canary-canary-canary-canary"


def secret_file(tmp_path, content, mode=0o600):
    path = tmp_path / "secret.key"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def shown(secret):
    return derive(secret, b"test", 32)


@pytest.mark.parametrize("around", [b"%s\n", b"\r\n  %s \n", b"%s\t"])
def test_an_editors_whitespace_does_not_matter(tmp_path, around):
    plain = LinkageSecret(CANARY)
    assert shown(read_secret(secret_file(tmp_path, around % CANARY))) == shown(plain)


@pytest.mark.parametrize(
    "content",
    [b" " + b"x" * 30 + b"\n", bytes(range(40)) + b"\n", b"\xff" * 32 + b"\n"],
    ids=["exactly 32 bytes", "binary", "not ASCII"],
)
def test_other_bytes_are_used_as_they_are(tmp_path, content):
    assert shown(read_secret(secret_file(tmp_path, content))) == shown(LinkageSecret(content))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601, 0o620])
def test_a_file_that_others_may_read_is_refused(tmp_path, mode):
    path = secret_file(tmp_path, CANARY, mode)
    with pytest.raises(PolicyError, match=f"chmod 600 {path}") as caught:
        read_secret(path)
    assert CANARY.decode() not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 20 + b" " * 20])
def test_a_short_secret_is_refused(tmp_path, content):
    path = secret_file(tmp_path, content)
    with pytest.raises(PolicyError, match="at least 32"):
        read_secret(path)
    with pytest.raises(PolicyError, match="at least 32"):
        LinkageSecret(content.strip())


def test_a_new_secret_is_private_random_and_never_overwrites(tmp_path):
    first, second = tmp_path / "a.key", tmp_path / "b.key"
    create_secret(first)
    create_secret(second)
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert len(bytes.fromhex(first.read_text())) == 32
    assert first.read_bytes() != second.read_bytes()
    assert shown(read_secret(first)) != shown(read_secret(second))
    before = first.read_bytes()
    with pytest.raises(PolicyError, match="exists already"):
        create_secret(first)
    assert first.read_bytes() == before


def test_the_secret_shows_itself_nowhere():
    secret = LinkageSecret(CANARY)
    encoder = Encoder(x6(), secret)
    keys = PartKeys((CANARY,), CANARY)
    for thing in (secret, encoder, keys, [secret]):
        for text in (repr(thing), str(thing), f"{thing}"):
            assert CANARY.decode() not in text
            assert CANARY.hex() not in text
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(secret)
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize(
    ("salt", "info", "length"), [(b"salt", b"info", 42), (None, b"", 8160), (b"", b"x", 100)]
)
def test_derivation_is_hkdf(salt, info, length):
    assert derive(LinkageSecret(CANARY), info, length, salt) == reference.hkdf(
        CANARY, info, length, salt
    )


def test_the_reference_is_hkdf_as_in_rfc_5869_appendix_a_1():
    expected = (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )
    stream = reference.hkdf(b"\x0b" * 22, bytes(range(0xF0, 0xFA)), 42, bytes(range(13)))
    assert stream.hex() == expected


def test_the_commitment_is_as_specified_and_binds_agreement_and_epoch():
    info = b"concord/1/secret-commitment\ntrial\n3"
    expected = reference.hkdf(CANARY, info, 32, None).hex()
    secret = LinkageSecret(CANARY)
    assert secret.commitment("trial", 3) == expected
    others = {secret.commitment("trial", 4), secret.commitment("trials", 3)}
    others.add(LinkageSecret(CANARY[::-1]).commitment("trial", 3))
    assert len(others | {expected}) == 4
