from __future__ import annotations

import pytest

from linkage.linking import Linkage
from linkage.sources import Sources
from matcher.quality.loading import LoadedRun
from tests.matcher.quality.made_up import contents_of, example, loaded


@pytest.fixture(scope="package")
def linked() -> tuple[Sources, Linkage]:
    return example()


@pytest.fixture(scope="package")
def contents(linked) -> dict[str, bytes]:
    return contents_of(*linked)


@pytest.fixture(scope="package")
def run(contents) -> LoadedRun:
    return loaded(contents)
