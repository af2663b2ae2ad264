"""Two quarters of six agencies, from extracts to the report, held against the truth.

The commands run in this process, with keystores that open quickly, and without the attack on each
encoding, which has tests of its own; the matcher serves over HTTP as in life.
"""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

import agency_client.leakage.guard
import examples.showing
from agency_client.cli import cli as client
from examples.safeguarding.quarters.playing import Played, play
from hashing.risk.assess import Plan, assess
from matcher.cli import cli as matcher
from tests.agency_client.keystore.test_wrapping import CHEAP

RECORDS = 250
UNATTACKED = Plan(own=100, dense=(), pairs_to=0, rounds=1)


def execute(program: str, arguments: list[str], *, shown: bool) -> subprocess.CompletedProcess[str]:
    """Run a command in this process."""
    command = {"agency-client": client, "matcher": matcher}[program]
    found = CliRunner().invoke(command, arguments, obj=CHEAP)
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return subprocess.CompletedProcess(arguments, found.exit_code, found.stdout, found.stderr)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("quarters") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(examples.showing, "execute", execute)
        patch.setattr(agency_client.leakage.guard, "assess", partial(assess, plan=UNATTACKED))
        return play(folder, seed=1, records_per_agency=RECORDS, workers=1)


def test_it_plays(played: Played):
    assert played.report.is_file()
