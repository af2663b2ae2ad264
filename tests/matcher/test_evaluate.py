"""Measuring a run against truth: counts by hand, subgroups, and truths that can't be used."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linkage.errors import InputError
from linkage.evaluation import Quality, intervals
from matcher.runs.evaluate import evaluate
from matcher.runs.evaluation_text import evaluation_text

AGENCIES = ("care", "police", "school")
ESTIMATE = Quality(4, 3.5, 3.9).as_dict()

# Ann is known to all three, and the school holds her as a boy; Ben to two, Cat to one.
TRUTH = """agency,record_id,entity_id,sex,area
care,c1,Ann,f,north
care,c2,Ben,m,north
care,c3,Cat,f,
police,p1,Ann,f,south
police,p2,Ben,m,north
school,s1,Ann,m,north
school,s2,Dan,m,north
"""
# Ann's pair of care and police, a wrong link of Cat with Ben, and Ben's, below the threshold.
LINKS = [
    ("care", "c1", "police", "p1", 0.9),
    ("care", "c3", "police", "p2", 0.6),
    ("care", "c2", "police", "p2", 0.2),
]
RECORDS = st.tuples(st.sampled_from(AGENCIES), st.integers(0, 4), st.sampled_from("xy"))


def write_run(
    folder: Path, links: list[tuple[str, str, str, str, float]], unclean: tuple[str, ...] = ()
) -> Path:
    run = folder / "run"
    run.mkdir(exist_ok=True)
    model = {
        "agencies": {agency: {"records": 3} for agency in AGENCIES},
        "thresholds": {"link": 0.5, "review": 0.1},
        "estimated": ESTIMATE,
        "estimated_by_pair": [
            {"agencies": list(pair), **ESTIMATE}
            for pair in [*combinations(AGENCIES, 2), *((name, name) for name in unclean)]
        ],
    }
    (run / "model.json").write_text(json.dumps(model), encoding="utf-8")
    columns = ["agency_a", "token_a", "agency_b", "token_b", "probability"]
    hidden = [(a, f"t{x}", b, f"t{y}", p) for a, x, b, y, p in links]
    frame = pd.DataFrame(hidden, columns=columns)
    frame.astype({"probability": float}).to_parquet(run / "links.parquet")
    return run


def write_maps(folder: Path, truth: pd.DataFrame) -> dict[str, Path]:
    maps = {agency: folder / f"{agency}.parquet" for agency in AGENCIES}
    for agency, path in maps.items():
        ids = truth.loc[truth["agency"] == agency, "record_id"]
        pd.DataFrame({"record_token": "t" + ids, "record_id": ids}).to_parquet(path)
    return maps


def measured(
    folder: Path,
    text: str = TRUTH,
    links=LINKS,
    maps_of: str = TRUTH,
    unclean: tuple[str, ...] = (),
) -> dict:
    truth = folder / "truth.csv"
    truth.write_text(text, encoding="utf-8")
    (folder / "maps.csv").write_text(maps_of, encoding="utf-8")
    maps = write_maps(folder, pd.read_csv(folder / "maps.csv", dtype=str))
    return evaluate(write_run(folder, links, unclean), truth, maps)


def counts(quality: dict) -> tuple[int, float, float]:
    return quality["links"], quality["correct"], quality["matches"]


def test_the_counts_and_their_intervals(tmp_path):
    result = measured(tmp_path)
    # Ann makes three pairs of records, Ben one.
    assert counts(result["at_threshold"]) == (2, 1, 4)
    assert result["at_threshold"]["intervals"] == intervals(Quality(2, 1, 4)).as_dict()
    assert result["confidence"] == 0.95
    by_pair = {tuple(pair["agencies"]): pair for pair in result["by_pair"]}
    assert counts(by_pair["care", "police"]["at_threshold"]) == (2, 1, 2)
    assert counts(by_pair["police", "school"]["at_threshold"]) == (0, 0, 1)
    assert by_pair["police", "school"]["at_threshold"]["intervals"]["precision"] is None
    assert by_pair["police", "school"]["estimated"] == ESTIMATE


def test_pairs_within_an_agency_that_is_not_clean_are_a_pair_of_agencies(tmp_path):
    twice = TRUTH + "police,p3,Ann,f,south\n"
    links = [*LINKS, ("police", "p1", "police", "p3", 0.8)]
    result = measured(tmp_path, twice, links, twice, ("police",))
    assert counts(result["at_threshold"]) == (3, 2, 7)
    by_pair = {tuple(pair["agencies"]): pair for pair in result["by_pair"]}
    assert counts(by_pair["police", "police"]["at_threshold"]) == (1, 1, 1)
    assert "\nwithin police" in evaluation_text(result)


def test_a_pair_belongs_to_the_value_of_its_left_record(tmp_path):
    by_subgroup = measured(tmp_path)["by_subgroup"]
    sex = {part["value"]: counts(part["at_threshold"]) for part in by_subgroup["sex"]}
    assert sex == {"f": (2, 1, 3), "m": (0, 0, 1)}
    area = {part["value"]: counts(part["at_threshold"]) for part in by_subgroup["area"]}
    assert area == {"": (1, 0, 0), "north": (1, 1, 3), "south": (0, 0, 1)}
    boys = by_subgroup["sex"][1]["estimated"]
    assert (boys["links"], boys["matches"]) == (0, 0.2)


def test_a_truth_without_subgroups(tmp_path):
    plain = "\n".join(",".join(row.split(",")[:3]) for row in TRUTH.splitlines()) + "\n"
    result = measured(tmp_path, plain)
    assert result["by_subgroup"] == {}
    assert "by sex" not in evaluation_text(result)


def test_the_text_shows_every_part_with_its_limits(tmp_path):
    text = evaluation_text(measured(tmp_path))
    head, total, estimate = text.splitlines()[:3]
    assert head.split() == ["precision", "recall", "F1", "links", "matches"]
    lower, upper = intervals(Quality(2, 1, 4)).precision
    assert f"0.500  [{lower:.3f}, {upper:.3f}]" in total
    assert "[" not in estimate
    for line in ("by pair of agencies", "care × police", "by sex", "by area", "(empty)", "south"):
        assert f"\n{line}" in text
    assert all(line == line.rstrip() for line in text.splitlines())


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(RECORDS, min_size=3, max_size=14),
    st.lists(st.tuples(st.integers(0, 13), st.integers(0, 13), st.floats(0, 1)), max_size=12),
    st.sets(st.sampled_from(AGENCIES)),
)  # fmt: skip
def test_parts_add_up_to_the_whole_and_to_a_count_by_hand(tmp_path, people, drawn, unclean):
    """Over any truth: subgroups and pairs of agencies each split what is counted over all."""
    people = [*people, *((agency, 9, "y") for agency in AGENCIES)]
    rows = [(agency, f"r{k:02}", person, group) for k, (agency, person, group) in enumerate(people)]

    def may_be_linked(x, y):
        return x[0] < y[0] or (x[0] == y[0] and x[0] in unclean and x != y)

    truth = pd.DataFrame(rows, columns=["agency", "record_id", "entity_id", "group"])
    pairs = {
        (left, right): p
        for a, b, p in drawn
        for left, right in [sorted((rows[a % len(rows)], rows[b % len(rows)]))]
        if may_be_linked(left, right)
    }
    links = [(x[0], x[1], y[0], y[1], p) for (x, y), p in pairs.items()]
    text = truth.to_csv(index=False)
    result = measured(tmp_path, text, links, text, tuple(sorted(unclean)))
    linked = [(x, y) for (x, y), p in pairs.items() if p >= 0.5]
    ordered = combinations(sorted(rows), 2)
    matches = [(x, y) for x, y in ordered if may_be_linked(x, y) and x[2] == y[2]]
    correct = [(x, y) for x, y in linked if x[2] == y[2]]
    assert counts(result["at_threshold"]) == (len(linked), len(correct), len(matches))
    for part in result["by_subgroup"]["group"]:
        expected = tuple(
            sum(x[3] == part["value"] for x, _ in chosen) for chosen in (linked, correct, matches)
        )
        assert counts(part["at_threshold"]) == expected
    for parts in (result["by_pair"], result["by_subgroup"]["group"]):
        whole = tuple(map(sum, zip(*(counts(p["at_threshold"]) for p in parts), strict=True)))
        assert whole == counts(result["at_threshold"])


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("care,c2,Ben,m,north", "care,c2,Ben,m", "row 3 has 4 cells and the header 5; look for"),
        ("care,c2,Ben,m,north", "care,c2,Ben,m,north,", "row 3 has 6 cells"),
        ("care,c2,Ben", "care,c2,", "row 3: the column 'entity_id' is empty; fill it in"),
        ("police,p1,Ann", "police, ,Ann", "row 5: the column 'record_id' is empty"),
        ("care,c2,Ben", "care,c1,Ben", "row 3: this agency and record_id stand here twice; remove"),
        ("sex,area", "sex,sex", "row 1: column 5 repeats the name 'sex'; rename"),
        ("sex,area", "sex,", "row 1: column 5 has no name"),
        ("entity_id", "person", "lacks the column 'entity_id'; its header must be agency"),
        ("care,c1", "Care,c1", "lacks 1 of the records that"),
        ("school", "College", "knows no record of the agency 'school'"),
        ('care,c2,Ben', 'care,"c2"2,Ben', "is not a CSV file in UTF-8"),
        (TRUTH, "", "lacks the column 'agency'"),
    ],
)  # fmt: skip
def test_a_truth_that_cannot_be_used(tmp_path, old, new, complaint):
    assert old in TRUTH
    with pytest.raises(InputError) as caught:
        measured(tmp_path, TRUTH.replace(old, new))
    assert str(caught.value).startswith(str(tmp_path / "truth.csv"))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_blank_lines_and_a_byte_order_mark_are_taken(tmp_path):
    spaced = "\ufeff" + TRUTH.replace("\ncare,c2", "\n\ncare,c2")
    assert measured(tmp_path, spaced) == measured(tmp_path)
    with pytest.raises(InputError, match=r"row 4: the column 'entity_id'"):
        measured(tmp_path, spaced.replace("c2,Ben", "c2,"))


def test_another_alphabet_than_utf8_is_refused(tmp_path):
    measured(tmp_path)
    (tmp_path / "truth.csv").write_bytes(TRUTH.replace("Ann", "Zoë").encode("cp1252"))
    with pytest.raises(InputError, match="UTF-8"):
        evaluate(tmp_path / "run", tmp_path / "truth.csv", dict.fromkeys(AGENCIES, tmp_path))


def test_a_column_of_ids_is_no_subgroup(tmp_path):
    rows = [row.split(",") for row in TRUTH.splitlines()[1:]]
    rows += [["care", f"x{k}", f"X{k}", f"id{k}", "north"] for k in range(60)]
    text = "\n".join([TRUTH.splitlines()[0], *(",".join(row) for row in rows)])
    with pytest.raises(InputError, match=r"'sex' has 62 different values .* bands or remove it"):
        measured(tmp_path, text)


def test_a_map_with_a_token_twice_is_refused(tmp_path):
    twice = TRUTH + "care,c1,Ann,f,north\n"
    with pytest.raises(
        InputError, match=r"care.parquet, row 4: this record_token stands here twice"
    ):
        measured(tmp_path, maps_of=twice)
