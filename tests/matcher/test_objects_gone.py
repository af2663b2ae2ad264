"""A folder of objects that isn't there, or can't be read, is never taken for an empty one."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from matcher.config.creation import create_matcher, plan_matcher
from matcher.config.loading import load_settings
from matcher.config.settings import OBJECTS_MARKER, Settings
from matcher.objects.failures import ObjectsError
from matcher.objects.folder import Folder
from matcher.objects.opening import open_new_objects, open_objects

KEY = "runs/1/model.json"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "service"
    create_matcher(folder, plan_matcher(folder, "concord.example/x"))
    return load_settings(folder, {}, {})


def test_what_cannot_be_read_is_not_listed_as_empty(tmp_path: Path, monkeypatch):
    folder, whole = Folder(tmp_path), os.scandir
    folder.put(KEY, b"x")

    def unreadable(path: Path):
        if Path(path).name == "1":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return whole(path)

    monkeypatch.setattr(os, "scandir", unreadable)
    for prefix in ("", "runs", "runs/1"):
        with pytest.raises(ObjectsError, match="Permission denied"):
            list(folder.list(prefix))
    with pytest.raises(ObjectsError, match="Permission denied"):
        folder.delete_below("runs/1")


def test_a_file_in_a_folders_place_is_no_empty_folder(tmp_path: Path):
    (tmp_path / "runs").write_bytes(b"")
    with pytest.raises(ObjectsError, match="Not a directory"):
        list(Folder(tmp_path).list("runs/1"))


@pytest.mark.parametrize("prefix", ["", "runs", "runs/1"])
def test_a_store_that_is_missing_is_no_empty_one(tmp_path: Path, prefix: str):
    folder = Folder(tmp_path / "objects")
    folder.put(KEY, b"x")
    (tmp_path / "objects").rename(tmp_path / "elsewhere")
    with pytest.raises(ObjectsError, match="No such file"):
        list(folder.list(prefix))


def test_only_a_folder_that_is_marked_is_opened(settings: Settings):
    assert list(open_objects(settings).list()) == []
    (settings.objects_folder / OBJECTS_MARKER).unlink()
    for _ in ("a mount point", "no folder"):
        with pytest.raises(ObjectsError, match=r"no \.concord-objects in it: mount its disk"):
            open_objects(settings)
        shutil.rmtree(settings.objects_folder, ignore_errors=True)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_new_folder_is_marked_by_a_restore(settings: Settings, is_there: bool):
    shutil.rmtree(settings.objects_folder)
    if is_there:
        settings.objects_folder.mkdir()
    objects = open_new_objects(settings)
    with pytest.raises(ObjectsError):
        open_objects(settings)
    assert settings.objects_folder.exists() is is_there
    for _ in range(2):
        objects.make_ready()
        open_objects(settings).put(KEY, b"x")
    assert open_new_objects(settings).get(KEY) == b"x"


def test_a_folder_of_something_else_stays_as_it_is(settings: Settings):
    (settings.objects_folder / OBJECTS_MARKER).rename(settings.objects_folder / "letters")
    with pytest.raises(ObjectsError, match="If it shall become one"):
        open_new_objects(settings)
    assert [path.name for path in settings.objects_folder.iterdir()] == ["letters"]
