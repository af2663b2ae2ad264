"""One simulated cohort for all tests of analysis and release."""

from __future__ import annotations

import pytest

from agency_client.cohort import Cohort, open_cohort
from tests.agency_client.cohort.simulated import Simulated, simulate


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    return simulate(tmp_path_factory.mktemp("simulated") / "cohort")


@pytest.fixture(scope="session")
def whole(simulated: Simulated) -> Cohort:
    """The simulated cohort, opened; nothing may be released from it."""
    return open_cohort(simulated.folder)
