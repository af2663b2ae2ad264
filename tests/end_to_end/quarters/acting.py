"""The example's commands, run in this process instead of one for each."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

import examples.showing
from agency_client.cli import cli as client
from matcher.cli import cli as matcher
from tests.agency_client.keystore.test_wrapping import CHEAP

RECORDS = 250
"""Of each agency."""


@contextmanager
def in_this_process() -> Iterator[None]:
    """Run the commands of whatever acts in this context here, with keystores that open quickly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(examples.showing, "execute", _execute)
        yield


def _execute(
    program: str, arguments: list[str], *, shown: bool, forked: bool
) -> subprocess.CompletedProcess[str]:
    command = {"agency-client": client, "matcher": matcher}[program]
    found = CliRunner().invoke(command, arguments, obj=CHEAP)
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return subprocess.CompletedProcess(arguments, found.exit_code, found.stdout, found.stderr)
