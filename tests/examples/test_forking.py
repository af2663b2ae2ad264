"""A command that is forked says and does what it would in a process started for it."""

from __future__ import annotations

from pathlib import Path

import pytest

import examples.forking
from examples.forking import can_fork
from examples.showing import execute

pytestmark = pytest.mark.skipif(not can_fork(), reason="commands are forked on Linux alone")


@pytest.fixture(autouse=True)
def _few_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load no more beforehand than these commands need."""
    monkeypatch.setattr(examples.forking, "_modules", lambda: ["agency_client.cli.secret"])


@pytest.mark.parametrize("name", ["secret.key", "no/such/folder/secret.key"])
def test_a_forked_command_ends_as_one_that_is_started(tmp_path: Path, name: str):
    ended = []
    for forked in (True, False):
        folder = tmp_path / str(forked)
        folder.mkdir()
        words = ["secret", "create", "--out", str(folder / name)]
        found = execute("agency-client", words, shown=False, forked=forked)
        said = [text.replace(str(folder), "") for text in (found.stdout, found.stderr)]
        ended.append((found.returncode, *said, sorted(path.name for path in folder.iterdir())))
    assert ended[0] == ended[1]
    assert bool(ended[0][0]) == ("no" in name)


def test_wrong_usage_is_said():
    found = execute("agency-client", ["secret", "create", "--nothing"], shown=False, forked=True)
    assert found.returncode == 2
    assert "No such option" in found.stderr
    assert not found.stdout
