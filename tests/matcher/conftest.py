"""Running ``matcher`` as an operator does, without variables of this machine's own."""

from __future__ import annotations

import os

import pytest

from matcher.cli import main


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command; return exit code, standard output and standard error."""
    for variable in [name for name in os.environ if name.startswith("CONCORD_")]:
        monkeypatch.delenv(variable)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["matcher", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def matcher(command):
    """The same, where nothing else is called so."""
    return command
