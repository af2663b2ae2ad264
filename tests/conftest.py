"""What holds for every test."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes depends on the machine and on what is compiled already.
settings.register_profile("concord", deadline=None)
settings.load_profile("concord")

pytest_plugins = ["tests.databases"]


class AsFixturesAreShared:
    """Tests go to the worker that is free, but those of a module that share a fixture to one.

    Otherwise each worker would build what takes longest.
    """

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: object) -> object | None:
        """Return the scheduler, unless another is asked for by ``--dist``."""
        from xdist.scheduler import LoadScopeScheduling

        class Scheduling(LoadScopeScheduling):
            def _split_scope(self, nodeid: str) -> str:
                module = nodeid.partition("::")[0]
                return module if _shares_a_fixture(config.rootpath / module) else nodeid

        return Scheduling(config, log) if config.getoption("dist") == "load" else None


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(AsFixturesAreShared())


@cache
def _shares_a_fixture(module: Path) -> bool:
    return 'scope="module"' in module.read_text(encoding="utf-8")
