"""Two quarters of six agencies, from extracts to the report, played once for all tests here.

The commands run in this process, with keystores that open quickly, and without the attack on each
encoding, which has tests of its own; the matcher serves over HTTP as in life.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx2
import pytest

import agency_client.leakage.guard
from examples.safeguarding.quarters.playing import Played, play
from hashing.risk.assess import Plan, assess
from tests.end_to_end.quarters.acting import RECORDS, in_this_process
from tests.end_to_end.quarters.visits import Served

UNATTACKED = Plan(own=100, dense=(), pairs_to=0, rounds=1)


@pytest.fixture(scope="package")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("quarters") / "out"
    with in_this_process(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(agency_client.leakage.guard, "assess", partial(assess, plan=UNATTACKED))
        return play(folder, seed=1, records_per_agency=RECORDS, workers=1)


@pytest.fixture(scope="package")
def report(played: Played) -> dict[str, Any]:
    return json.loads(played.record.read_text(encoding="utf-8"))


@pytest.fixture(scope="package")
def tables(report: dict[str, Any]) -> dict[str, list[list[str]]]:
    """Give the rows of the report's tables by their captions."""
    return {
        table["caption"]: table["rows"]
        for step in report["steps"]
        for item in step["items"]
        for table in item["tables"]
    }


@pytest.fixture(scope="package")
def served(played: Played) -> Iterator[Served]:
    """Serve again what the two quarters have left."""
    operator = played.stage.operator
    with operator.serving(), httpx2.Client(timeout=30, trust_env=False) as http:
        yield Served(operator.url, http)
