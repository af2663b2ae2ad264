"""What holds for every test."""

import pytest
from hypothesis import settings

# How long an example takes depends on the machine and on what is compiled already.
settings.register_profile("concord", deadline=None)
settings.load_profile("concord")

pytest_plugins = ["tests.databases"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that share a fixture of their module on one worker: each would build its own."""
    for item in items:
        if isinstance(item, pytest.Function) and _shares(item):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def _shares(item: pytest.Function) -> bool:
    found = item._fixtureinfo.name2fixturedefs.values()
    return any(fixture.scope in {"module", "package"} for fixtures in found for fixture in fixtures)
