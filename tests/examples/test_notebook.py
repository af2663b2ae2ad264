"""The notebook for analysts runs from its first cell to its last, as Jupyter runs it."""

from __future__ import annotations

import re
from typing import Any

import nbformat
import pytest

from tests.agency_client.cohort.simulated import BOROUGHS, Simulated, simulate
from tests.examples.notebooks import NOTEBOOK, execute_notebook

TITLES = (
    "Children who went missing together",
    "Children (dots) and the places (squares) that three or more of them share",
    "Disruption measures per missing episode",
)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    return simulate(tmp_path_factory.mktemp("notebook") / "cohort")


@pytest.fixture(scope="module")
def executed(cohort: Simulated) -> Any:
    return execute_notebook(cohort.folder, BOROUGHS, cohort.folder.parent)


def outputs(book: Any, form: str) -> list[str]:
    return [
        output["data"][form]
        for cell in book.cells
        for output in cell.get("outputs", [])
        if form in output.get("data", {})
    ]


def test_every_cell_ran_without_complaint(executed: Any):
    streams = [
        output for cell in executed.cells for output in cell.get("outputs", [])
        if output["output_type"] in {"error", "stream"} and output.get("name") != "stdout"
    ]  # fmt: skip
    assert not streams
    assert all(cell["execution_count"] for cell in executed.cells if cell["cell_type"] == "code")


def test_pictures_have_a_table_beside_and_no_script(executed: Any):
    pages = [page for page in outputs(executed, "text/html") if "<svg" in page]
    assert [re.search("<figcaption>(.*?)</figcaption>", page)[1] for page in pages] == list(TITLES)
    for page in pages:
        assert '<figure role="img" aria-label="' in page
        assert "<table" in page.split("</svg>")[1]
        assert "<script" not in page


def test_the_list_is_of_twenty_and_what_leaves_is_safe(executed: Any, cohort: Simulated):
    listed = next(page for page in outputs(executed, "text/html") if "in_list" in page)
    assert listed.count("<tr") == 21
    safe = (cohort.folder.parent / "missing-safe.csv").read_text()
    counts = [int(cell) for cell in re.findall(r"(?<=,)\d+", safe.split("\n", 1)[1])]
    assert counts
    assert all(count >= 10 and count % 5 == 0 for count in counts)
    assert (cohort.folder.parent / "cohort.releases.jsonl").exists()


def test_it_is_kept_without_outputs():
    """They would show one machine's data, and would not be true for long."""
    book = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.get("outputs") for cell in book.cells)
    assert all(cell.get("execution_count") is None for cell in book.cells)
