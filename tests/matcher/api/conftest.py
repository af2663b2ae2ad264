"""Fixtures of a running matcher, once on each kind of database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from matcher.store.database import Database
from tests.matcher.api.serving import Matcher, running


@pytest.fixture
def matcher(database: Database) -> Iterator[Matcher]:
    """Give a matcher without agreements."""
    with running(database) as found:
        yield found
