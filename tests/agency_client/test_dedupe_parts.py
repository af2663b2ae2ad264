"""The parts of de-duplication: comparison, candidates, model, review list, cleaned extract."""

import io
import warnings

import jellyfish
import numpy as np
import pandas as pd
import pytest
import recordlinkage
from hypothesis import given, settings
from hypothesis import strategies as st

from agency_client.columns import ColumnMap, resolve_columns
from agency_client.dedupe.candidates import candidate_pairs
from agency_client.dedupe.chance import observe
from agency_client.dedupe.comparison import (
    MISSING,
    Field,
    compare,
    compare_dates,
    compare_names,
    compare_postcodes,
    compare_texts,
)
from agency_client.dedupe.merging import Doubt
from agency_client.dedupe.model import estimate, probability
from agency_client.dedupe.review import read_decisions, review_pairs, write_review
from agency_client.dedupe.safety import contradicts, vouched_for
from agency_client.extract import Extract
from hashing.standardise import Column, distinct
from linkage.errors import InputError


def field(name, kind, *values):
    codes, found = distinct(values)
    return Field(name, kind, Column(codes, tuple(found), {}))


def levels(one, other, *kinds):
    """The levels of two rows of as many values as kinds."""
    fields = tuple(field(f"f{i}", kind, one[i], other[i]) for i, kind in enumerate(kinds))
    return compare(fields, np.array([0]), np.array([1]))[0].tolist()


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("anna", "beth", 0),
        ("a", "anna", 1),
        ("hayden", "jayden", 2),
        ("mary", "mary ann", 3),
        ("catherine", "catherina", 3),
        ("a b", "a c", 2),
    ],
)
def test_names(one, other, level):
    assert compare_names(one, other) == level == compare_names(other, one)


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("20110314", "19991225", 0),
        ("20110314", "20111225", 1),
        ("20110314", "19800314", 2),
        ("20110314", "20110325", 3),
        ("20110314", "20110315", 4),
        ("20110304", "20110403", 5),
        ("20110314", "2011____", 6),
    ],
)
def test_dates(one, other, level):
    places = np.array([0, 1]), np.array([1, 0])
    assert compare_dates([one, other], *places).tolist() == [level, level]


@settings(max_examples=200)
@given(st.text("0129", min_size=8, max_size=8), st.text("0129", min_size=8, max_size=8))
def test_a_slip_in_a_date_is_a_distance_of_one(one, other):
    level = compare_dates([one, other], np.array([0]), np.array([1]))[0]
    if level < 5:
        assert (level == 4) == (jellyfish.damerau_levenshtein_distance(one, other) == 1)


def test_postcodes_and_texts():
    assert compare_postcodes("ls11aa", "ls11ab") == 2
    assert compare_postcodes("ls11aa", "ls19zz") == 1
    assert compare_postcodes("ls11aa", "m12bb") == 0
    assert compare_texts("1 high street", "1 high strete") == 2
    assert compare_texts("1 high street", "flat 2 1 high street") == 1
    assert compare_texts("1 high street", "22 low road") == 0


def test_missing_equal_and_swapped_levels():
    assert levels(("", "x"), ("anna", "x"), "name", "raw") == [MISSING, 1]
    assert levels(("anna", "smith"), ("smith", "anna"), "name", "name") == [5, MISSING]
    assert levels(("anna", "anna"), ("anna", "anna"), "name", "name") == [4, 4]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["", "anna", "ana", "beth", "smith"]), min_size=4, max_size=4))
def test_comparison_does_not_depend_on_the_order_of_the_pair(names):
    fields = (field("given", "name", *names[:2]), field("surname", "name", *names[2:]))
    forth = compare(fields, np.array([0]), np.array([1]))
    back = compare(fields, np.array([1]), np.array([0]))
    assert forth.tolist() == back.tolist()


def test_jaro_winkler_levels_are_those_of_the_recordlinkage_toolkit():
    names = ["catherine", "catherina", "katherine", "jon", "john", "joan", "smith", "smyth"]
    pairs = pd.MultiIndex.from_product([range(len(names))] * 2)
    toolkit = recordlinkage.Compare()
    toolkit.string("name", "name", method="jarowinkler")
    frame = pd.DataFrame({"name": names})
    similarity = toolkit.compute(pairs, frame, frame)[0]
    for (i, j), value in similarity.items():
        if i != j:
            wanted = 3 if value >= 0.92 else 2 if value >= 0.82 else 0
            assert compare_names(names[i], names[j]) == wanted


def test_candidates_meet_by_any_key_once_and_in_order():
    fields = (
        field("given", "name", "anna", "anna", "beth", "smith", "zoe", "zoe"),
        field("surname", "name", "smith", "smyth", "jones", "anna", "hill", "hill"),
        field("born", "date", "20110314", "20110314", "19990101", "20050505", "", ""),
    )
    left, right = candidate_pairs(fields)
    pairs = list(zip(left.tolist(), right.tolist(), strict=True))
    assert {(0, 1), (0, 3), (4, 5)} <= set(pairs)  # spelling, swapped names, equal rows
    assert pairs == sorted(set(pairs))
    assert all(one < other for one, other in pairs)


def test_strangers_are_no_candidates():
    names = [f"{a}{b}a" for a in "bcdfghjklm" for b in "aeiou"]
    fields = (field("given", "name", *names), field("surname", "name", *reversed(names)))
    assert len(candidate_pairs(fields)[0]) <= 3 * len(names)


def binary_fields(levels_wanted, rng):
    """Raw fields whose pairs (2i, 2i+1) agree as the rows of a 0/1 array say."""
    fields = []
    for g in range(levels_wanted.shape[1]):
        values = rng.integers(0, 50, 2 * len(levels_wanted)).astype(str).astype(object)
        same = levels_wanted[:, g] == 1
        values[1::2] = np.where(same, values[::2], values[::2] + "x")
        fields.append(field(f"f{g}", "raw", *values.tolist()))
    return tuple(fields)


def test_the_model_agrees_with_the_toolkits_ecm():
    """On binary levels both find the same matches."""
    rng = np.random.default_rng(1)
    matches = rng.random(4000) < 0.3
    wanted = (rng.random((4000, 5)) < np.where(matches[:, None], 0.92, 0.04)).astype(np.int8)
    fields = binary_fields(wanted, rng)
    left = np.arange(0, 8000, 2)
    found = compare(fields, left, left + 1)
    assert (found == wanted).all()
    ours = probability(estimate(fields, found, seed=1).log_odds(found, left)) >= 0.5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ecm = recordlinkage.ECMClassifier()
        theirs = ecm.fit_predict(
            pd.DataFrame(wanted, index=pd.MultiIndex.from_arrays([left, left]))
        )
    assert (ours == np.isin(left, theirs.get_level_values(0))).mean() > 0.97


def test_what_contradicts_a_merger():
    fields = (
        field("given", "name", "anna", "beth", "anna", ""),
        field("surname", "name", *["smith"] * 4),
        field("born", "date", "20110314", "20110314", "20111225", "20110314"),
    )
    left, right = np.array([0, 0, 0]), np.array([1, 2, 3])
    found = compare(fields, left, right)
    assert contradicts(fields, found, left, right).tolist() == [True, True, False]
    assert vouched_for(fields, found).tolist() == [False, True, False]


def test_two_names_in_use_are_two_names_and_a_slip_is_none():
    given = ["maria", "marie"] * 3 + ["mraia"]
    fields = (
        field("given", "name", *given),
        field("surname", "name", "a", "b", "c", "d", "e", "f", "a"),
    )
    left, right = np.array([0, 0]), np.array([1, 6])
    found = compare(fields[:1], left, right)
    surnames_agree = np.full((2, 1), fields[1].equal, np.int8)
    against = contradicts(fields, np.hstack([found, surnames_agree]), left, right)
    assert against.tolist() == [True, False]


EXTRACT = Extract(
    "police.csv",
    ("record_id", "given_name"),
    (("r-1", "+2"), ("=cmd()|'x'!A1", "'quoted")),
    (2, 3),
)


def written_review(tmp_path, decisions=None):
    columns = resolve_columns(EXTRACT, ["given_name"], ColumnMap())
    fields = (field("given_name", "name", "anna", "ana"),)
    ids = EXTRACT.columns[0]
    pairs = review_pairs(EXTRACT, ids, columns, fields, [Doubt(0, 1, 1.0, 0.7)])
    sink = io.BytesIO()
    write_review(sink, pairs, decisions or {})
    (tmp_path / "review.csv").write_bytes(sink.getvalue())
    return sink.getvalue().decode("utf-8-sig")


def test_no_cell_of_the_review_list_is_a_formula(tmp_path):
    text = written_review(tmp_path)
    cells = pd.read_csv(io.StringIO(text), dtype=str).iloc[0]
    assert cells["record_id (2)"] == "'+2"
    assert cells["given_name (1)"] == "'=cmd()|'x'!A1"
    assert cells["given_name (2)"] == "''quoted"
    assert "given_name is" in cells["why"]


def test_guarded_ids_are_read_back(tmp_path):
    written_review(tmp_path, {(0, 1): "different"})
    decisions = read_decisions(tmp_path / "review.csv", EXTRACT.columns[0])
    assert decisions == {(0, 1): "different"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("different", "perhaps", "row 2: the decision is not"),
        ("r-1", "r-9", "row 2: a record id is not in the extract"),
        ("p", "q", "row 2: the pair id does not belong"),
        ("decision", "verdict", "no column 'decision'"),
    ],
)
def test_faulty_decisions_are_named_with_file_and_row(tmp_path, old, new, message):
    text = written_review(tmp_path, {(0, 1): "different"})
    head, _, body = text.partition("\r\n")
    if old == "decision":
        head = head.replace(old, new)
    else:
        body = body.replace(old, new, 1)
    (tmp_path / "review.csv").write_text(f"{head}\r\n{body}", encoding="utf-8", newline="")
    with pytest.raises(InputError, match=r"review\.csv") as caught:
        read_decisions(tmp_path / "review.csv", EXTRACT.columns[0])
    assert message in str(caught.value)


def test_brothers_and_sisters_are_no_matches():
    """Twelve times as many pairs of siblings as of copies, all of one surname and postcode."""
    rng = np.random.default_rng(2)
    given, born, family = [], [], []
    for home in range(250):
        for _ in range(4):
            given.append("".join(rng.choice(list("abcdefghijklmnop"), 6)))
            born.append(f"{rng.integers(2000, 2016)}{rng.integers(10, 13)}{rng.integers(10, 29)}")
            family.append(home)
        if home % 2 == 0:  # a copy of the youngest, whose name has a slip in it
            given.append(given[-1][:-1])
            born.append(born[-1])
            family.append(home)
    surnames = ["".join(rng.choice(list("qrstuvwxyz"), 6)) for _ in range(250)]
    fields = (
        field("given", "name", *given),
        field("surname", "name", *(surnames[home] for home in family)),
        field("born", "date", *born),
        field("postcode", "postcode", *(f"ls{home}1aa" for home in family)),
    )
    left, right = candidate_pairs(fields)
    found = compare(fields, left, right)
    chance = probability(estimate(fields, found, seed=1).log_odds(found, left))
    related = np.array(family)[left] == np.array(family)[right]
    slips = np.array([given[b] == given[a][:-1] for a, b in zip(left, right, strict=True)])
    copies = related & slips
    siblings = related & (np.array(born)[left] != np.array(born)[right])
    assert siblings.sum() > 1200
    assert copies.sum() == 125
    assert chance[copies].min() > 0.9
    assert chance[siblings].max() < 0.1


def test_chance_agreement_is_counted_where_a_sample_would_miss_it():
    """Every postcode decides the town; 20 postcodes, 2 towns, 4,000 people."""
    postcodes = [f"ls{number % 20}1aa" for number in range(4000)]
    towns = ["leeds" if number % 2 else "hull" for number in range(4000)]
    fields = (field("postcode", "postcode", *postcodes), field("town", "text", *towns))
    chance = observe(fields, seed=1)
    assert chance.marginals[0][3] == 20 * 200 * 199 / 2
    assert chance.marginals[1][3] == 2 * 2000 * 1999 / 2
    assert sum(chance.marginals[1]) == pytest.approx(chance.total, rel=0.02)
    both = chance.near_share * chance.near[0][3] * chance.near[1][3]
    assert both == pytest.approx(chance.marginals[0][3] / chance.total, rel=0.1)
