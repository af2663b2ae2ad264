"""A world with uploads on each kind of database, and one on SQLite alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from matcher.app.building import build_services
from matcher.config.settings import UploadSettings
from matcher.objects.folder import Folder
from matcher.store.database import Database
from tests.databases import open_database
from tests.linkage.audit.made_up import LOG
from tests.matcher.api.serving import KEYS, Clock
from tests.matcher.cohorts.worlds import CohortWorld

PEOPLE = {
    "ann": {"police": 1, "care": 1, "health": 1},
    "bob": {"police": 1, "care": 1, "health": 1},
    "eve": {"police": 1, "care": 1},
    "joe": {"care": 1},
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(database: Database, tmp_path: Path, clock: Clock) -> CohortWorld:
    return made(database, tmp_path, clock)


@pytest.fixture
def small_world(migrated_file: Path, tmp_path: Path, clock: Clock) -> Iterator[CohortWorld]:
    shutil.copyfile(migrated_file, tmp_path / "small.sqlite")
    database = open_database(f"sqlite:///{tmp_path / 'small.sqlite'}")
    yield made(database, tmp_path, clock)
    database.close()


def made(database: Database, folder: Path, clock: Clock) -> CohortWorld:
    objects = Folder(folder / "objects")
    services = build_services(database, LOG, objects, UploadSettings(), clock, KEYS)
    world = CohortWorld(services, clock)
    world.run(PEOPLE)
    return world
