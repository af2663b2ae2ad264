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
    """Tests go to the worker that is free, but those that share a fixture to one.

    Otherwise each worker would build what takes longest.
    """

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: object) -> object | None:
        """Return the scheduler, unless another is asked for by ``--dist``."""
        from xdist.scheduler import LoadScopeScheduling

        class Scheduling(LoadScopeScheduling):
            def _split_scope(self, nodeid: str) -> str:
                return _sharing(config.rootpath, nodeid.partition("::")[0]) or nodeid

        return Scheduling(config, log) if config.getoption("dist") == "load" else None


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(AsFixturesAreShared())


@cache
def _sharing(root: Path, module: str) -> str | None:
    """Return the folder, or the module, whose tests share a fixture; None where they share none."""
    folder = Path(module).parent
    if _says(root / folder / "conftest.py", 'scope="package"'):
        return str(folder)
    return module if _says(root / module, 'scope="module"') else None


def _says(path: Path, words: str) -> bool:
    return path.is_file() and words in path.read_text(encoding="utf-8")
