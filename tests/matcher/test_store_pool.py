"""There are connections for all threads, and a sentence for who finds none."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import anyio.to_thread
import pytest

from matcher.store import database as database_module
from matcher.store.database import Database
from matcher.store.failures import DatabaseError
from tests.databases import open_database


def test_every_thread_that_answers_requests_can_have_a_connection(database: Database):
    async def threads() -> float:
        return anyio.to_thread.current_default_thread_limiter().total_tokens

    with ExitStack() as opened:
        for _ in range(int(anyio.run(threads)) + 4):
            opened.enter_context(database.reading())


def test_without_a_connection_it_is_busy(migrated_file: Path, monkeypatch: pytest.MonkeyPatch):
    few = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.05}
    monkeypatch.setattr(database_module, "_POOL", few)
    database = open_database(f"sqlite:///{migrated_file}")
    with (
        database.reading(),
        pytest.raises(DatabaseError, match="connections are in use"),
        database.reading(),
    ):
        pass
    with database.reading():
        pass
    database.close()
