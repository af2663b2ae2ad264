"""A world on each kind of database."""

from __future__ import annotations

from pathlib import Path

import pytest

from matcher.app.building import build_services
from matcher.config.settings import UploadSettings
from matcher.objects.folder import Folder
from matcher.store.database import Database
from tests.linkage.audit.made_up import LOG
from tests.matcher.api.serving import KEYS, Clock
from tests.matcher.disclosures.worlds import World


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(database: Database, tmp_path: Path, clock: Clock) -> World:
    objects = Folder(tmp_path / "objects")
    services = build_services(database, LOG, objects, UploadSettings(), clock, KEYS)
    return World(services, clock)
