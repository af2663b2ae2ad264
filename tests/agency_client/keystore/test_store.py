"""The keystore: private, whole at any moment, and silent."""

import copy
import signal
import stat
import subprocess
import sys

import pytest

from agency_client.keystore.health import damage, require_working_keys, shared_places
from agency_client.keystore.store import KEYS_FILE, create_keystore, open_keystore
from agency_client.outputs import PARTIAL_SUFFIX, write_alone
from linkage.errors import InputError, PolicyError, VerificationError
from tests.agency_client.keystore.test_wrapping import CHEAP

PASSPHRASE = b"correct horse battery"


@pytest.fixture
def folder(tmp_path):
    create_keystore(tmp_path / "keys", "police", PASSPHRASE, CHEAP)
    return tmp_path / "keys"


def modes(folder):
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}


def test_a_new_keystore_opens_and_is_its_owners_alone(tmp_path):
    made = create_keystore(tmp_path / "a" / "b", "police", PASSPHRASE, CHEAP)
    store = open_keystore(tmp_path / "a" / "b", PASSPHRASE)
    assert store.identity.public == made
    require_working_keys(store)
    assert modes(tmp_path / "a" / "b") == {"b": 0o700, KEYS_FILE: 0o600}
    assert "hidden" in repr(store)
    for secret in (store.storage_key, PASSPHRASE):
        assert secret not in (tmp_path / "a" / "b" / KEYS_FILE).read_bytes()
        assert repr(secret) not in repr(store)
    with pytest.raises(TypeError):
        copy.deepcopy(store.identity)


def test_a_folder_that_was_open_to_others_is_closed(tmp_path):
    (tmp_path / "keys").mkdir(mode=0o755)
    create_keystore(tmp_path / "keys", "police", PASSPHRASE, CHEAP)
    assert shared_places(tmp_path / "keys") == []


def test_no_two_keystores_have_a_key_in_common(tmp_path):
    stores = []
    for name in "ab":
        create_keystore(tmp_path / name, "police", PASSPHRASE, CHEAP)
        stores.append(open_keystore(tmp_path / name, PASSPHRASE))
    one, other = stores
    assert one.identity.public.signing_key != other.identity.public.signing_key
    assert one.identity.public.sealing_key != other.identity.public.sealing_key
    assert one.storage_key != other.storage_key


def test_keys_are_never_overwritten(folder):
    before = (folder / KEYS_FILE).read_bytes()
    with pytest.raises(PolicyError, match="never overwritten"):
        create_keystore(folder, "police", PASSPHRASE, CHEAP)
    assert (folder / KEYS_FILE).read_bytes() == before


@pytest.mark.parametrize("name", ["", "two words", "1st", "x" * 65, "a/b", "a\n", "é"])
def test_strange_names_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="can't be a party's name"):
        create_keystore(tmp_path / "keys", name, PASSPHRASE, CHEAP)
    assert not (tmp_path / "keys").exists()


def test_a_wrong_passphrase_changes_nothing(folder):
    before = (folder / KEYS_FILE).read_bytes()
    with pytest.raises(VerificationError, match="passphrase is another"):
        open_keystore(folder, b"wrong")
    assert (folder / KEYS_FILE).read_bytes() == before
    open_keystore(folder, PASSPHRASE)


def test_missing_cut_and_damaged_keystores(folder, tmp_path):
    with pytest.raises(InputError, match="agency-client init"):
        open_keystore(tmp_path / "none", PASSPHRASE)
    path = folder / KEYS_FILE
    whole = path.read_bytes()
    assert damage(folder) == ""
    for content in (b"", whole[:-20], whole[:100], b"{}", whole.replace(b"A", b"B", 1)):
        path.write_bytes(content)
        assert str(path) in damage(folder)
        with pytest.raises(VerificationError):
            open_keystore(folder, PASSPHRASE)
    path.write_bytes(whole)
    open_keystore(folder, PASSPHRASE)


def test_places_that_others_can_reach_are_found(folder):
    assert shared_places(folder) == []
    (folder / KEYS_FILE).chmod(0o640)
    folder.chmod(0o755)
    assert shared_places(folder) == [str(folder), str(folder / KEYS_FILE)]


KILLER = """
import os, signal, sys
from pathlib import Path
import agency_client.outputs as outputs
left = int(sys.argv[2])

def dying(function):
    def call(*arguments, **named):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return function(*arguments, **named)
    return call

os.open, os.fsync = dying(os.open), dying(os.fsync)
Path.replace, Path.unlink = dying(Path.replace), dying(Path.unlink)
real = os.fdopen
def fdopen(*arguments, **named):
    sink = real(*arguments, **named)
    class Sink:
        flush, fileno = staticmethod(dying(sink.flush)), sink.fileno
        def write(self, content):
            dying(sink.write)(content[:7])
            dying(sink.flush)()
            dying(sink.write)(content[7:])
        def __enter__(self):
            return self
        def __exit__(self, *_):
            sink.close()
    return Sink()
os.fdopen = fdopen
outputs.write_alone(Path(sys.argv[1]), b"the new state, which is longer")
"""


def test_a_process_killed_at_any_step_leaves_the_old_state_or_the_new(tmp_path):
    path = tmp_path / KEYS_FILE
    path.write_bytes(b"the old state")
    seen, died = [], True
    steps = 0
    while died:
        done = subprocess.run(
            [sys.executable, "-c", KILLER, str(path), str(steps)], check=False, capture_output=True
        )
        died = done.returncode == -signal.SIGKILL
        assert died or done.returncode == 0, done.stderr
        seen.append(path.read_bytes())
        assert seen[-1] in (b"the old state", b"the new state, which is longer")
        steps += 1
        if seen[-1] != b"the old state" and died:
            path.write_bytes(b"the old state")
    assert steps > 8
    assert len(set(seen)) == 2
    # What a killed process left under another name is in nobody's way.
    path.with_name(KEYS_FILE + PARTIAL_SUFFIX).write_bytes(b"left over")
    write_alone(path, b"again")
    assert path.read_bytes() == b"again"
    assert [own.name for own in tmp_path.iterdir()] == [KEYS_FILE]


def test_a_failure_while_writing_leaves_the_old_state(tmp_path, monkeypatch):
    path = tmp_path / KEYS_FILE
    write_alone(path, b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_alone(path, b"new")
    assert path.read_bytes() == b"old"
    assert [own.name for own in tmp_path.iterdir()] == [KEYS_FILE]
