"""Each quarter's cohort against what was handed in, and the notebook on the newest of them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from examples.safeguarding.quarters.periods import HANDED_IN
from examples.safeguarding.quarters.playing import Played
from examples.safeguarding.quarters.stage import AGENCIES
from tests.end_to_end.quarters.acting import RECORDS
from tests.examples.notebooks import execute_notebook


@pytest.mark.parametrize("at", [0, 1])
def test_the_cohort_has_what_was_handed_in(played: Played, at: int):
    part = played.facts.parts[at]
    cohort = part.study.cohort
    handed = Counter()
    for agency, own in played.scenario.handed_in[part.quarter].items():
        handed.update((agency, row["event"], row["kind"] or None) for _, row in own.events)
        handed.update((agency, row["association"], "") for _, row in own.associations)
    found = Counter(zip(cohort.events.agency, cohort.events.event, cohort.events.kind, strict=True))
    found.update((own.agency, own.association, "") for own in cohort.associations.itertuples())
    assert found == handed
    assert len(cohort.memberships) == len(AGENCIES) * RECORDS


def test_two_cohorts_share_nobody_and_no_place(played: Played):
    first, second = (part.study.cohort for part in played.facts.parts)
    assert not set(first.people.person) & set(second.people.person)
    assert not set(first.events.place.dropna()) & set(second.events.place.dropna())


def test_the_newer_vocabulary_holds_from_the_second_quarter_on(played: Played):
    first, second = (part.study.cohort.memberships.concern for part in played.facts.parts)
    assert "emerging" not in set(first.dropna())
    assert "emerging" in set(second.dropna())


def test_each_quarter_has_a_version_and_an_epoch(played: Played):
    told = [
        json.loads((part.study.folder / "cohort.json").read_text()) for part in played.facts.parts
    ]
    assert [(own["agreement"]["version"], own["agreement"]["epoch"]) for own in told] == [
        (1, 1),
        (2, 2),
    ]
    assert len(HANDED_IN) == len(told)


def test_the_linkage_is_as_good_as_it_says(played: Played):
    for part in played.facts.parts:
        true, estimated = part.measured["at_threshold"], part.measured["estimated"]
        assert true["f1"] > 0.93
        assert abs(true["precision"] - estimated["precision"]) < 0.05
        assert abs(true["recall"] - estimated["recall"]) < 0.05


def test_the_notebook_runs_on_the_last_quarter(played: Played, tmp_path: Path):
    areas = played.facts.newest.study.areas
    book = execute_notebook(played.facts.newest.study.folder, areas, tmp_path)
    assert all(cell["execution_count"] for cell in book.cells if cell["cell_type"] == "code")
