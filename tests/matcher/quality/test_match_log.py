from __future__ import annotations

import io
import json
import re

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.errors import InputError, MissingError, VerificationError
from matcher.disclosures.pseudonyms import pseudonym
from matcher.quality.deriving import derived, loaded
from matcher.quality.match_log import find_link, page_of_links
from matcher.quality.shown import PAGE, Wanted
from matcher.runs.report.fates import Fate
from tests.matcher.made_up import RULES
from tests.matcher.quality.made_up import KEY, RUN, contents_of

LIMIT = st.one_of(st.none(), st.floats(-20, 20, width=32))
SHARE = st.one_of(st.none(), st.floats(0, 1))
AGENCY = st.sampled_from(["care", "health", "police", "school"])


@pytest.fixture(scope="module")
def table(contents) -> pd.DataFrame:
    """The links as they are stored, and the pseudonyms of both ends."""
    links = pq.read_table(io.BytesIO(contents["links.parquet"])).to_pandas()
    clusters = pq.read_table(io.BytesIO(contents["clusters.parquet"])).to_pandas()
    named = {
        (row.agency, row.record_token): pseudonym(KEY, row.cluster_id).hex()
        for row in clusters.itertuples()
    }
    for side in "ab":
        ends = zip(links[f"agency_{side}"], links[f"token_{side}"], strict=True)
        links[f"cluster_{side}"] = [named[end] for end in ends]
    return links


def every(run, wanted):
    first = page_of_links(run, wanted)
    pages = [page_of_links(run, wanted, number) for number in range(1, first.pages + 1)]
    assert [page.page for page in pages] == list(range(1, first.pages + 1))
    assert all(len(page.rows) == PAGE for page in pages[:-1])
    rows = [row for page in pages for row in page.rows]
    assert len(rows) == first.found
    return rows


def test_without_a_filter_every_link_is_there_in_its_order(run, table):
    rows = every(run, Wanted())
    assert len(rows) == len(table) > 2 * PAGE
    for row, stored in zip(rows, table.itertuples(), strict=True):
        assert row.agencies == (stored.agency_a, stored.agency_b)
        assert (row.weight, row.probability) == (stored.weight, stored.probability)
        assert list(row.levels) == [None if pd.isna(x) else x for x in stored.levels]
        assert set(row.clusters) == {stored.cluster_a, stored.cluster_b}
    backwards = every(run, Wanted(weakest_first=True))
    assert [row.name for row in backwards] == [row.name for row in rows][::-1]


@settings(max_examples=60, deadline=None)
@given(SHARE, SHARE, LIMIT, LIMIT, st.one_of(st.none(), st.tuples(AGENCY, AGENCY)))
def test_filters_find_what_the_file_has(run, table, p_low, p_high, w_low, w_high, agencies):
    wanted = Wanted(agencies, (p_low, p_high), (w_low, w_high))
    kept = pd.Series(True, index=table.index)
    for column, low, high in (("probability", p_low, p_high), ("weight", w_low, w_high)):
        kept &= table[column] >= (-np.inf if low is None else low)
        kept &= table[column] <= (np.inf if high is None else high)
    if agencies:
        both = table[["agency_a", "agency_b"]].apply(sorted, axis=1).map(tuple)
        kept &= both == tuple(sorted(agencies))
    assert page_of_links(run, wanted).found == kept.sum()


def test_a_cluster_is_found_by_the_beginning_of_its_pseudonym(run, table):
    for name in {*table["cluster_a"].iloc[::40]}:
        either = (table["cluster_a"] == name) | (table["cluster_b"] == name)
        for asked in (name, name[:8], name[:9].upper()):
            assert page_of_links(run, Wanted(cluster=asked)).found == either.sum()
    absent = "0" * 32
    assert page_of_links(run, Wanted(cluster=absent)).found == 0


@pytest.mark.parametrize("cluster", ["abc", "x" * 8, "0" * 33, "police", ""])
def test_what_is_no_pseudonym_is_refused(run, cluster):
    with pytest.raises(InputError):
        page_of_links(run, Wanted(cluster=cluster))


def test_an_agency_that_took_no_part_is_refused(run):
    with pytest.raises(InputError, match="'hub'"):
        page_of_links(run, Wanted(agencies=("police", "hub")))


def test_a_link_is_found_by_its_name_alone(run):
    rows = every(run, Wanted())
    assert len({row.name for row in rows}) == len(rows)
    for at, row in enumerate(rows):
        assert re.fullmatch("[0-9a-f]{32}", row.name)
        assert find_link(run, row.name) == at
    for name in ("0" * 32, "", "0", rows[0].name.upper() + "x", "é" * 32):
        with pytest.raises(MissingError):
            find_link(run, name)


def test_names_tell_nothing_of_tokens_and_join_no_two_runs(run, contents, table):
    shown = str(every(run, Wanted()))
    secret = [*table["token_a"], *table["token_b"]]
    clusters = pq.read_table(io.BytesIO(contents["clusters.parquet"]))["cluster_id"].to_pylist()
    assert not [text for text in {*secret, *clusters} if text in shown]
    other = derived(RUN, contents, bytes(32))
    assert {row.name for row in every(other, Wanted())}.isdisjoint(
        row.name for row in every(run, Wanted())
    )


def test_what_became_of_links(run, linked):
    fates = [row.fate for row in every(run, Wanted())]
    probability = linked[1].links.probability
    assert fates.count(Fate.FOR_REVIEW) == (probability < RULES.link).sum() == 25
    assert fates.count(Fate.THROUGH_OTHERS) == 1


def test_damaged_files_are_not_believed(contents, linked):
    for name in ("links.parquet", "weights.parquet"):
        with pytest.raises(VerificationError, match="damaged"):
            loaded(RUN, {**contents, name: contents[name][:-20]}, KEY)
    fewer = contents_of(*linked)
    fewer["weights.parquet"] = _without_last_row(fewer["weights.parquet"])
    with pytest.raises(VerificationError, match="damaged"):
        loaded(RUN, fewer, KEY)
    model = json.loads(contents["model.json"])
    del model["agencies"]["police"]
    with pytest.raises(VerificationError, match="damaged"):
        loaded(RUN, {**contents, "model.json": json.dumps(model).encode()}, KEY)


def _without_last_row(content):
    table = pq.read_table(io.BytesIO(content))
    sink = io.BytesIO()
    pq.write_table(table.slice(0, table.num_rows - 1), sink)
    return sink.getvalue()
