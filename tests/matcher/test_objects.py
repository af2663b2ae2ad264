"""Objects in a folder and in a bucket: whole or not at all, on disk, and seen by nobody before."""

from __future__ import annotations

import errno
import io
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.errors import InputError
from matcher.config.creation import create_matcher, plan_matcher
from matcher.config.loading import load_settings
from matcher.objects import bucket as bucket_module
from matcher.objects import folder as folder_module
from matcher.objects.bucket import Bucket
from matcher.objects.failures import ObjectMissingError, ObjectsError
from matcher.objects.folder import Folder
from matcher.objects.objects import Objects
from matcher.objects.opening import open_objects

pytest_plugins = ["tests.matcher.buckets"]
KEY = "uploads/0a1b/parts/000001"


@pytest.fixture(params=["folder", "bucket"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "bucket":
        return Bucket(request.getfixturevalue("bucket_name"), "matcher/one")
    return Folder(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("size", [0, 1, 9 * 2**20])
def test_what_is_put_can_be_got(objects: Objects, size: int):
    data = os.urandom(size)
    objects.put(KEY, iter([data[: size // 2], data[size // 2 :]]))
    assert objects.get(KEY) == data
    assert objects.size(KEY) == size
    objects.put(KEY, b"another")
    assert objects.get(KEY) == b"another"


def test_an_object_can_be_read_anywhere(objects: Objects):
    data = os.urandom(3 * 2**20 + 7)
    objects.put(KEY, data)
    with objects.open(KEY) as file:
        for start, length in (
            (0, 10),
            (2**20 - 3, 2**20 + 9),
            (len(data) - 5, 100),
            (len(data), 1),
        ):
            file.seek(start)
            assert file.read(length) == data[start : start + length]
        assert file.seek(-4, io.SEEK_END) == len(data) - 4
        assert file.read() == data[-4:]


def test_what_is_missing_is_named(objects: Objects):
    for read in (objects.get, objects.size, objects.open):
        with pytest.raises(ObjectMissingError, match=f"{KEY} is missing"):
            read(KEY)
    objects.delete(KEY)


def test_keys_are_listed_by_folder(objects: Objects):
    keys = ["runs/1/model.json", "uploads/1/parts/000000", "uploads/1/parts/000001", "uploads/11/x"]
    for key in reversed(keys):
        objects.put(key, b"x")
    assert list(objects.list()) == keys
    assert list(objects.list("uploads/1")) == keys[1:3]
    assert list(objects.list("none")) == []
    objects.delete_below("uploads/1")
    assert list(objects.list()) == [keys[0], keys[3]]


def test_a_draft_is_no_object(objects: Objects):
    with objects.draft(KEY) as draft:
        draft.write(b"half")
        assert list(objects.list()) == []
    with pytest.raises(KeyError):
        objects.put(KEY, _breaking_off())
    assert list(objects.list()) == []
    with objects.draft(KEY) as draft:
        draft.write(b"who")
        draft.write(b"le")
        draft.store()
        with pytest.raises(RuntimeError):
            draft.store()
    assert objects.get(KEY) == b"whole"


def _breaking_off() -> Iterator[bytes]:
    yield b"half"
    raise KeyError


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/../b", ".drafts/a", "A", "a\n"])
def test_a_key_never_leads_elsewhere(objects: Objects, key: str):
    for use in (objects.draft, objects.open, objects.size, objects.delete, objects.delete_below):
        with pytest.raises(ValueError, match="not a key"):
            use(key)


def test_only_the_owner_can_read_files(folder: Folder, tmp_path: Path):
    old = os.umask(0)
    try:
        folder.put(KEY, b"x")
    finally:
        os.umask(old)
    modes = {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_dir()}
    assert modes == {0o700}
    assert (tmp_path / KEY).stat().st_mode & 0o777 == 0o600


def test_a_deleted_object_leaves_no_folder(folder: Folder, tmp_path: Path):
    folder.put(KEY, b"x")
    folder.put("uploads/2/parts/000001", b"x")
    folder.delete(KEY)
    assert [path.name for path in (tmp_path / "uploads").iterdir()] == ["2"]


def test_file_and_names_are_synced_before_it_counts(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The file before it gets its name, every new folder's name, and the file's name last."""
    happened = []
    fsync, replace, mkdir = os.fsync, Path.replace, Path.mkdir
    name = {tmp_path.stat().st_ino: "root"}

    def noting(what: str, path: Path) -> None:
        name[path.stat().st_ino] = what

    def note_sync(descriptor: int) -> None:
        found = os.fstat(descriptor)
        happened.append(f"sync {name.get(found.st_ino, 'the file')}")
        fsync(descriptor)

    def note_replace(self: Path, target: Path) -> None:
        happened.append("rename")
        replace(self, target)

    def note_mkdir(self: Path, *args: object, **kwargs: object) -> None:
        mkdir(self, *args, **kwargs)
        noting(self.name, self)
        happened.append(f"make {self.name}")

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_replace)
    monkeypatch.setattr(Path, "mkdir", note_mkdir)
    folder.put("a/b/c", b"x")
    assert happened == [
        "make .drafts", "sync root", "sync the file",
        "make a", "sync root", "make b", "sync a", "rename", "sync b",
    ]  # fmt: skip


@pytest.mark.parametrize("step", ["write", "sync", "rename"])
def test_a_full_disk_leaves_what_was_there(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
):
    folder.put(KEY, b"before")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fail(*_arguments: object) -> None:
        raise full

    with monkeypatch.context() as patch:
        if step == "sync":
            patch.setattr(folder_module.os, "fsync", fail)
        elif step == "rename":
            patch.setattr(Path, "replace", fail)
        else:
            patch.setattr(folder_module.os, "fdopen", lambda *_: io.BufferedWriter(_Full()))
        with pytest.raises(ObjectsError, match="No space left"):
            folder.put(KEY, b"after" * 10**6)
    assert folder.get(KEY) == b"before"
    assert files(tmp_path) == [KEY]
    folder.put(KEY, b"after")
    assert folder.get(KEY) == b"after"


def test_a_full_temporary_disk_is_said(bucket_name: str, monkeypatch: pytest.MonkeyPatch):
    bucket = Bucket(bucket_name, "")
    with monkeypatch.context() as patch:
        patch.setattr(bucket_module.tempfile, "TemporaryFile", lambda: io.BufferedWriter(_Full()))
        with pytest.raises(ObjectsError, match="No space left"):
            bucket.put(KEY, b"kept back until it is read again")
    assert list(bucket.list()) == []


class _Full(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, _data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_drafts_of_killed_processes_are_forgotten(folder: Folder, tmp_path: Path):
    folder.forget_drafts(time.time())
    left, going_on = folder.draft(KEY), folder.draft(KEY)
    old = min((tmp_path / ".drafts").iterdir(), key=lambda path: path.stat().st_ino)
    os.utime(old, (1, 1))
    folder.forget_drafts(time.time() - 60)
    assert len(list((tmp_path / ".drafts").iterdir())) == 1
    stored = [draft for draft in (left, going_on) if _stores(draft)]
    assert len(stored) == 1


def _stores(draft) -> bool:
    try:
        draft.store()
    except ObjectsError:
        return False
    return True


def test_put_and_delete_at_once(folder: Folder):
    """Removing an empty folder never takes the place of a file that is just coming."""

    def put(number: int) -> None:
        folder.put(f"a/b/{number}", b"x")
        folder.delete(f"a/b/{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(200)))
    assert list(folder.list()) == []


def test_a_folder_that_is_removed_as_it_is_made(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    make, raced = os.mkdir, []

    def there_and_gone(path: Path, mode: int = 0o777) -> None:
        if Path(path).name == "a" and not raced:
            raced.append(path)
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        make(path, mode)

    monkeypatch.setattr(os, "mkdir", there_and_gone)
    folder.put("a/b/1", b"x")
    assert raced
    assert folder.get("a/b/1") == b"x"


@given(st.text(max_size=30))
def test_any_key_stays_inside(tmp_path_factory: pytest.TempPathFactory, key: str):
    root = tmp_path_factory.getbasetemp()
    folder = Folder(root)
    try:
        place = folder._path(key)
    except ValueError:
        return
    assert place.resolve().is_relative_to(root.resolve())
    assert not place.name.startswith(".")


def test_what_cannot_be_reached_is_said_without_addresses(
    bucket_name: str, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(ObjectsError) as refused:
        Bucket("there-is-no-such-bucket", "").put(KEY, b"x")
    assert "there-is-no-such-bucket" not in str(refused.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("matcher.objects.bucket._RETRIES", 0)
    with pytest.raises(ObjectsError) as refused:
        Bucket(bucket_name, "").get(KEY)
    assert "127.0.0.1" not in str(refused.value)


def test_the_settings_choose(tmp_path: Path, bucket_name: str):
    service = tmp_path / "service"
    create_matcher(service, plan_matcher(service, "concord.example/x"))
    open_objects(load_settings(service, {}, {})).put(KEY, b"here")
    assert (service / "objects" / KEY).read_bytes() == b"here"
    flags = {"objects.url": f"s3://{bucket_name}/some/where"}
    open_objects(load_settings(service, {}, flags)).put(KEY, b"there")
    found = boto3.client("s3").get_object(Bucket=bucket_name, Key=f"some/where/{KEY}")
    assert found["Body"].read() == b"there"


@pytest.mark.parametrize("url", ["s3://", "s3://b", "https://bucket", "s3://bucket//x", "s3://Bu"])
def test_places_that_are_none(tmp_path: Path, url: str):
    service = tmp_path / "service"
    create_matcher(service, plan_matcher(service, "concord.example/x"))
    with pytest.raises(InputError, match="must be a folder of this machine or s3"):
        load_settings(service, {"CONCORD_OBJECTS_URL": url}, {})


def test_limits_of_uploads_are_read_and_checked(tmp_path: Path):
    service = tmp_path / "service"
    create_matcher(service, plan_matcher(service, "concord.example/x"))
    environ = {"CONCORD_UPLOADS_MOST_OPEN": "7"}
    assert load_settings(service, environ, {}).sections.uploads.most_open == 7
    assert load_settings(service, {}, {}).sections.uploads.part_size == 8 * 2**20
    for name, value, said in (
        ("MOST_OPEN", "0", "MOST_OPEN is wrong"),
        ("MOST_OPEN", "many", "MOST_OPEN is wrong"),
        ("PART_SIZE", "65536", "part_size must be larger"),
    ):
        with pytest.raises(InputError, match=said):
            load_settings(service, {f"CONCORD_UPLOADS_{name}": value}, {})
