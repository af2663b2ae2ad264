"""A world on each kind of database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from matcher.app.building import Services, build_services
from matcher.config.settings import UploadSettings
from matcher.objects.folder import Folder
from matcher.store.database import Database
from tests.databases import open_database
from tests.linkage.audit.made_up import LOG
from tests.matcher.api.serving import KEYS, Clock
from tests.matcher.disclosures.worlds import World


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def services(database: Database, tmp_path: Path, clock: Clock) -> Services:
    objects = Folder(tmp_path / "objects")
    return build_services(database, LOG, objects, UploadSettings(), clock, KEYS)


@pytest.fixture
def world(services: Services, clock: Clock) -> World:
    return World(services, clock)


@pytest.fixture
def small_world(migrated_file: Path, tmp_path: Path, clock: Clock) -> Iterator[World]:
    """Give a world on SQLite alone."""
    shutil.copyfile(migrated_file, tmp_path / "small.sqlite")
    database = open_database(f"sqlite:///{tmp_path / 'small.sqlite'}")
    objects = Folder(tmp_path / "objects")
    services = build_services(database, LOG, objects, UploadSettings(), clock, KEYS)
    yield World(services, clock)
    database.close()
