"""Where a passphrase comes from, and that a server without a keyring is no failure."""

import sys
from types import SimpleNamespace

import pytest

from agency_client.keystore import passphrase as module
from agency_client.keystore.passphrase import (
    ask_on_terminal,
    keep_new_passphrase,
    keyring_or_reason,
    new_passphrase,
    read_passphrase,
)
from linkage.errors import InputError, PolicyError

LONG = "correct horse battery"


class KeyringError(Exception):
    pass


class FakeKeyring:
    """As the keyring package, with one backend that remembers."""

    errors = SimpleNamespace(KeyringError=KeyringError)

    def __init__(self, priority=5, locked=False):
        self.kept, self.priority, self.locked = {}, priority, locked

    def get_keyring(self):
        return SimpleNamespace(priority=self.priority)

    def set_password(self, service, user, password):
        self.kept[service, user] = password

    def get_password(self, service, user):
        if self.locked:
            raise KeyringError
        return self.kept.get((service, user))


def never(_):
    raise AssertionError("nobody is asked")


def file(tmp_path, content, mode=0o600):
    path = tmp_path / "passphrase.txt"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.fixture
def no_keyring(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)


@pytest.mark.usefixtures("no_keyring")
def test_a_person_is_asked_where_there_is_no_keyring(tmp_path):
    assert read_passphrase(tmp_path, None, lambda _: LONG) == LONG.encode()
    assert keyring_or_reason() == (None, "the package 'keyring' isn't installed")


def test_a_keyring_without_a_backend_is_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", FakeKeyring(priority=0))
    assert keyring_or_reason() == (None, "this machine offers no system keyring")


def test_the_keyring_keeps_what_was_drawn(tmp_path, monkeypatch):
    fake = FakeKeyring()
    monkeypatch.setitem(sys.modules, "keyring", fake)
    drawn = keep_new_passphrase(fake, tmp_path)
    assert len(drawn) >= 43
    assert read_passphrase(tmp_path, None, never) == drawn
    assert read_passphrase(tmp_path / "other", None, lambda _: LONG) == LONG.encode()
    fake.locked = True
    assert read_passphrase(tmp_path, None, lambda _: LONG) == LONG.encode()


def test_a_file_counts_first_and_its_line_end_does_not(tmp_path):
    path = file(tmp_path, b" %s \r\n" % LONG.encode())
    assert read_passphrase(tmp_path, path, never) == b" %s " % LONG.encode()
    assert new_passphrase(path, never) == b" %s " % LONG.encode()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path, mode):
    with pytest.raises(PolicyError, match="chmod 600"):
        read_passphrase(tmp_path, file(tmp_path, LONG.encode(), mode), never)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe secret"])
def test_an_empty_or_strange_file_is_refused(tmp_path, content):
    with pytest.raises(InputError, match=r"passphrase\.txt") as caught:
        read_passphrase(tmp_path, file(tmp_path, content), never)
    assert "secret" not in str(caught.value)


def test_a_new_passphrase_is_long_and_typed_twice(tmp_path):
    answers = iter([LONG, LONG])
    assert new_passphrase(None, lambda _: next(answers)) == LONG.encode()
    answers = iter([LONG, LONG + "x"])
    with pytest.raises(InputError, match="differ"):
        new_passphrase(None, lambda _: next(answers))
    with pytest.raises(PolicyError, match="at least 12"):
        new_passphrase(None, lambda _: "eleven char")


def test_keyboards_that_compose_letters_otherwise_type_the_same():
    assert module.normal("caf\u00e9") == module.normal("cafe\u0301")


def test_nobody_at_the_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
    with pytest.raises(InputError, match="--passphrase-file"):
        ask_on_terminal("?")
