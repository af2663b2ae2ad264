from __future__ import annotations

import re

import numpy as np
import pytest

from linkage.patterns import NULL
from matcher.quality.cards import NOT_KEPT, SEEN, card_of, steps
from matcher.quality.deriving import derived
from matcher.runs.report.evidence import steps as steps_of_report
from matcher.runs.weights import corrections
from tests.matcher.quality.made_up import KEY, RUN, contents_of


def test_the_steps_of_every_link_add_up_to_its_weight(run):
    for at in range(len(run.links)):
        found = steps(run, at)
        weight = run.links["weight"][at]
        assert sum(step.weight for step in found) == pytest.approx(weight, abs=SEEN)
        assert NOT_KEPT not in [step.name for step in found]
        assert found[0].weight == pytest.approx(np.log2(1e-3 / (1 - 1e-3)))


def test_the_steps_are_those_of_the_runs_own_report(run, linked):
    for at in range(0, len(run.links), 7):
        ours, theirs = steps(run, at), steps_of_report(linked[1], at)
        assert [step.name for step in ours] == [step.name for step in theirs]
        weights = [[step.weight for step in found] for found in (ours, theirs)]
        assert weights[0] == pytest.approx(weights[1])


def test_corrections_and_groups_make_up_each_weight_exactly(linked):
    linkage = linked[1]
    found = corrections(linkage, np.arange(len(linkage.links)))
    alone = linkage.model.log_odds(linkage.links.levels) / np.log(2)
    together = alone + sum(vars(found).values())
    assert together == pytest.approx(linkage.links.weight)


def test_what_a_run_has_not_kept_is_a_step_that_says_so(linked):
    linkage = linked[1]
    run = derived(RUN, contents_of(*linked, weights=False), KEY)
    for at in range(0, len(linkage.links), 9):
        *groups, last = steps(run, at)
        alone = float(linkage.model.log_odds(linkage.links.levels[at][None])[0] / np.log(2))
        rest = linkage.links.weight[at] - alone
        assert last.name == NOT_KEPT
        assert last.weight == pytest.approx(rest)
        assert sum(step.weight for step in groups) == pytest.approx(alone)
        assert card_of(run, at).alone is None


def test_a_card_says_in_words_and_in_its_table_what_it_draws(run):
    levels = run.links["levels"]
    for at in (0, len(levels) - 1, int(np.argmax((levels == NULL).any(axis=1)))):
        card = card_of(run, at)
        names = [row[0] for row in card.figure.table.rows]
        assert names == [*(step.name for step in card.steps), "match weight"]
        assert card.figure.table.rows[-1][3] == card.figure.table.rows[-2][3]
        for step in card.steps:
            assert step.name in card.figure.alternative
        assert card.figure.svg.count("<rect") == len(names)
        missing = [row[0] for row in card.figure.table.rows if row[1] == "missing"]
        assert len(missing) == (levels[at] == NULL).sum()


def test_a_drawing_needs_no_style_and_loads_nothing(run):
    svg = str(card_of(run, 0).figure.svg)
    assert not re.search(r"style=|<script|href|url\(", svg)
    assert re.sub(r'xmlns="http://www.w3.org/2000/svg"', "", svg).count("http") == 0


def test_a_card_tells_how_other_records_and_decoys_speak(run):
    through = int(np.argmax(run.links["own"] < run.links["probability"] - 0.01))
    said = " ".join(card_of(run, through).sentences)
    assert "Other records that tie both to one person make it 90.0%" in said
    assert "Decoys" in said
    assert "because other records join both" in said
