"""The fixtures of a running matcher are those of the API's tests."""

from tests.matcher.api.conftest import matcher

__all__ = ["matcher"]
