from __future__ import annotations

import json

import numpy as np

from matcher.quality.deriving import loaded
from matcher.quality.figures import bridges_of, link_quality, model_learnt, people_found
from matcher.quality.match_log import find_link
from matcher.runs.report import model_parts, people_parts, quality_parts
from matcher.runs.report.bridges import weak_bridges
from matcher.runs.report.cells import Cells
from matcher.runs.report.people import known_to
from tests.matcher.made_up import RULES
from tests.matcher.quality.made_up import KEY, RUN, SIZES, contents_of

CELLS = Cells(10, 5)


def test_quality_is_what_the_runs_own_report_says(loaded_run, linked):
    sources, linkage = linked
    found = link_quality(loaded_run)
    assert found.estimates == quality_parts.estimates_by_pair(linkage.estimates, CELLS)
    tradeoff = quality_parts.tradeoff(linkage, RULES, CELLS)
    assert found.tradeoff.table == tradeoff.table
    values = {headline.name: headline.value for headline in found.headlines}
    assert values["Links made"] == CELLS.shown(linkage.estimate.links)
    known = known_to(sources, linkage.clusters)
    shared = int((known.sum(axis=1) >= 2).sum())
    assert values["People in two or more agencies"] == CELLS.shown(shared)


def test_the_model_is_the_stored_one(loaded_run, contents):
    groups = json.loads(contents["model.json"])["groups"]
    table = model_learnt(loaded_run).levels.table
    for group in groups:
        rows = [row for row in table.rows if row[0] == group["name"]]
        assert len(rows) == len(group["m"])
        for row, weight in zip(rows, group["weight"], strict=True):
            assert float(row[-1].replace("\N{MINUS SIGN}", "-")) == round(weight, 1) + 0.0
    assert (
        model_learnt(loaded_run).m_and_u.table
        == model_parts.m_and_u(loaded_run.linkage.model).table
    )


def test_people_are_counted_as_the_files_have_them(loaded_run, linked):
    sources, linkage = linked
    found = people_found(loaded_run)
    known = known_to(sources, linkage.clusters)
    assert found.coverage.table == people_parts.coverage(sources.names, known, CELLS).table
    assert found.sizes.table == people_parts.sizes(linkage, CELLS).table
    assert [row[0] for row in found.agencies.rows] == list(SIZES)


def test_weak_bridges_are_those_of_the_linkage_and_lead_to_their_links(run, loaded_run, linked):
    stored = bridges_of(loaded_run)
    assert len(stored) == 12
    one, other = (
        [(bridge.link, bridge.probability, bridge.smaller, bridge.larger) for bridge in found]
        for found in (stored, weak_bridges(linked[1], RULES.link))
    )
    assert one == other
    for named, bridge in zip(run.about.quality.weakest, stored, strict=True):
        assert find_link(run, named.link) == bridge.link
        assert run.clusters(bridge.link) == (named.cluster,)


def test_an_earlier_release_kept_no_bridges_and_no_completeness(linked):
    contents = contents_of(*linked, weights=False)
    model = json.loads(contents["model.json"])
    del model["completeness"], model["unlinkable"]
    run = loaded(RUN, {**contents, "model.json": json.dumps(model).encode()}, KEY)
    assert not link_quality(run).knows_bridges
    assert people_found(run).completeness is None
    assert people_found(run).unlinkables is None


def test_completeness_counts_records_and_tells_of_no_few(linked):
    contents = contents_of(*linked)
    model = json.loads(contents["model.json"])
    assert all(set(own.values()) == {SIZES[name]} for name, own in model["completeness"].items())
    model["completeness"]["care"] = {"name": 150, "birth": 4, "place": 296}
    model["unlinkable"] = {"care": 60, "health": 3, "police": 0, "school": 12}
    changed = {**contents, "model.json": json.dumps(model).encode()}
    found = people_found(loaded(RUN, changed, KEY))
    shares = {row[0]: row[1:] for row in found.completeness.rows}
    assert shares["care"] == ["50.0%", "none or few", "nearly all"]
    assert shares["police"] == ["all", "all", "all"]
    unlinkable = {row[0]: row[1] for row in found.unlinkables.table.rows}
    assert unlinkable == {
        "care": "60 (20.0%)", "health": "<10", "police": "<10", "school": "10 (25.0%)",
    }  # fmt: skip


def test_counts_of_records_with_a_group_take_any_alternate(linked):
    sources, linkage = linked
    assert np.array_equal(np.unique(sources.record), np.arange(len(sources)))
    model = json.loads(contents_of(sources, linkage)["model.json"])
    for s, name in enumerate(sources.names):
        rows = sources.encodings.present[sources.rows(s)]
        assert list(model["completeness"][name].values()) == rows.sum(axis=0).tolist()
