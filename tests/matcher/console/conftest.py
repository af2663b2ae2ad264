"""A matcher with something on every page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from matcher.quality.preparing import prepare_pages
from matcher.store.database import Database
from matcher.store.migrating import migrate
from tests.databases import open_database
from tests.linkage.protocol.agreements import AGREEMENT
from tests.matcher.api.conftest import matcher
from tests.matcher.api.prepared import World, prepared
from tests.matcher.api.serving import running

__all__ = ["matcher"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Give a matcher that has been used; the tests of a module share it."""
    with used(tmp_path_factory.mktemp("console")) as made:
        yield made


@contextmanager
def used(folder: Path) -> Iterator[World]:
    """Run a matcher in a folder, and lead it to where every page has something on it."""
    database = open_database(f"sqlite:///{folder / 'matcher.sqlite'}")
    migrate(database)
    with used_on(database, folder) as made:
        yield made
    database.close()


@contextmanager
def used_on(database: Database, folder: Path) -> Iterator[World]:
    """Do the same with a database that is there."""
    with running(database, requests_per_second=10_000, burst=10_000) as found:
        made = prepared(found, folder, prepare=partial(prepare_pages, database))
        _load(made)
        yield made


def _load(world: World) -> None:
    """Load what sets type, for which a request would else wait on a busy machine."""
    services, agreement = world.matcher.services, AGREEMENT.digest()
    run = next(own.id for own in services.runs.all(agreement) if own.state == "finished")
    services.reports.report(agreement, run, "pdf")
