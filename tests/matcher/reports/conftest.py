"""A world on SQLite, as the tests of disclosures have it."""

from tests.matcher.disclosures.conftest import clock, small_world

__all__ = ["clock", "small_world"]
