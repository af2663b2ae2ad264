from __future__ import annotations

import pytest

from linkage.linking import Linkage
from linkage.sources import Sources
from matcher.quality.deriving import derived, loaded
from matcher.quality.kept import KeptRun
from matcher.quality.run import LoadedRun
from tests.matcher.quality.made_up import KEY, RUN, contents_of, example


@pytest.fixture(scope="package")
def linked() -> tuple[Sources, Linkage]:
    return example()


@pytest.fixture(scope="package")
def contents(linked) -> dict[str, bytes]:
    return contents_of(*linked)


@pytest.fixture(scope="package")
def loaded_run(contents) -> LoadedRun:
    return loaded(RUN, contents, KEY)


@pytest.fixture(scope="package")
def run(contents) -> KeptRun:
    return derived(RUN, contents, KEY)
