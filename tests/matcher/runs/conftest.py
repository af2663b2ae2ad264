"""A matcher on each kind of database."""

from __future__ import annotations

from pathlib import Path

import pytest

from matcher.store.database import Database
from tests.matcher.runs.matchers import Matcher


@pytest.fixture
def matcher(database: Database, tmp_path: Path) -> Matcher:
    return Matcher(database, tmp_path / "matcher")


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out drawing the report, which takes most of the time of a small run."""
    monkeypatch.setattr("matcher.runs.linking.render", lambda *_: "<html>")
