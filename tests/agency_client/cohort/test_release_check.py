"""``cohort release-check``: what may leave, what is withheld and why, what was let out before."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from agency_client.cli import cli
from agency_client.cohort import Cohort, open_cohort
from agency_client.cohort.release.files import WITHHELD
from agency_client.cohort.release.ledger import (
    add_release,
    ledger_path,
    read_releases,
    releasing,
)
from agency_client.cohort.release.spec import TableSpec
from agency_client.cohort.release.units import read_units
from linkage.errors import InputError, VerificationError
from tests.agency_client.cohort.simulated import Simulated, write_small

MISSING = {"event": "missing_episode"}


@pytest.fixture
def cohort(simulated: Simulated, tmp_path: Path) -> Cohort:
    """A copy of the simulated cohort, from which nothing was released."""
    return open_cohort(shutil.copytree(simulated.folder, tmp_path / "cohort"))


def check(path: Path, cohort: Cohort, *more: str) -> Result:
    folder = str(cohort.frames.folder)
    words = ["cohort", "release-check", str(path), "--cohort", folder, *more]
    return CliRunner().invoke(cli, words, prog_name="agency-client")


def checked(path: Path, cohort: Cohort, *more: str) -> tuple[int, dict[str, Any]]:
    done = check(path, cohort, "--format", "json", *more)
    return done.exit_code, json.loads(done.stdout)


def reasons(said: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(own["row"], own["column"]): own["reason"] for own in said["withheld"]}


def test_a_table_as_counted_is_not_safe_and_its_safe_form_is(cohort: Cohort, tmp_path: Path):
    table = cohort.table("agencies", "sex")
    path, safe = table.write(tmp_path / "table.csv"), tmp_path / "safe.csv"
    code, said = checked(path, cohort)
    assert (code, said["safe"], said["can_leave"]) == (3, False, True)
    assert not safe.exists()
    code, said = checked(path, cohort, "--out", str(safe))
    assert code == 0
    for row, line in zip(table.frame.itertuples(index=False), rows_of(safe), strict=True):
        for count, shown in zip(row, line, strict=True):
            assert shown == WITHHELD or (int(shown) % 5 == 0 and abs(int(shown) - count) <= 2)
            assert count >= 10 or shown == WITHHELD
    safe.with_name("safe.csv.json").write_text(Path(f"{path}.json").read_text())
    code, said = checked(safe, cohort)
    assert (code, said["safe"], said["wrong"]) == (0, True, [])


def rows_of(path: Path) -> list[list[str]]:
    return [line.split(",")[1:] for line in path.read_text().splitlines()[1:]]


def test_each_decision_is_explained_and_no_count_is_said(cohort: Cohort, tmp_path: Path):
    small = cohort.table("agencies", "sex").write(tmp_path / "small.csv")
    for path in (cohort.table("sex", "agency").write(tmp_path / "table.csv"), small):
        wrong = [own["matter"] for own in checked(path, cohort)[1]["wrong"]]
        # The agreed numbers, those of the dominance rules, and how many cells have to change.
        harmless = {10, 90, len(wrong), wrong.count("exact")}
        for form in ("text", "json"):
            said = check(path, cohort, "--format", form).output
            assert set(map(int, re.findall(r"(?<![\d.])\d{2,}", said))) <= harmless
    text = check(small, cohort).stdout
    assert text.startswith("NOT SAFE. ")
    assert "6 / f: fewer than 10 people are behind it, none included" in text
    assert "shown, it would let a withheld count be worked out from its row and column" in text


def test_none_at_all_is_withheld_like_few(cohort: Cohort, tmp_path: Path):
    table = cohort.table("agencies", "sex")
    assert table.frame.loc["6", "f"] == 0
    _, said = checked(table.write(tmp_path / "table.csv"), cohort)
    assert reasons(said)["6", "f"] == "few"


def test_what_an_analyst_withheld_is_kept_where_it_protects(cohort: Cohort, tmp_path: Path):
    path = cohort.table("agencies").write(tmp_path / "table.csv")
    frame = pd.read_csv(path, dtype=str).set_index("agencies")
    rounded = {row: str(5 * round(int(own) / 5)) for row, own in frame["people"].items()}
    for hidden, safe in ((["6"], False), (["6", "5"], True), (["6", "1"], True)):
        cells = {row: WITHHELD if row in hidden else own for row, own in rounded.items()}
        lines = ["agencies,people", *(f"{row},{own}" for row, own in cells.items())]
        path.write_text("\n".join(lines) + "\n")
        code, said = checked(path, cohort)
        assert (code, said["safe"]) == ((0, True) if safe else (3, False)), hidden
    wrong = "\n".join(lines).replace(rounded["2"], str(int(rounded["2"]) + 5))
    path.write_text(wrong + "\n")
    code, said = checked(path, cohort)
    assert code == 3
    assert said["wrong"] == [{"row": "2", "column": "people", "matter": "exact"}]


def test_a_table_that_differs_by_few_people_from_a_released_one(cohort: Cohort, tmp_path: Path):
    """All people, and then all but the few whom six agencies know: the difference would tell."""
    everybody = cohort.table("sex").write(tmp_path / "all.csv")
    assert checked(everybody, cohort, "--out", str(tmp_path / "out.csv"))[0] == 0
    fewer = {"agencies": tuple("12345")}
    all_but = cohort.table("sex", where=fewer).write(tmp_path / "all-but.csv")
    code, said = checked(all_but, cohort)
    assert code == 3
    assert reasons(said)["Total", "people"] == "differencing"
    (own,) = [one for one in said["withheld"] if one["row"] == "Total"]
    assert "together with release 1 it would give away" in own["explanation"]
    # Without the earlier release there is nothing against it.
    ledger = tmp_path / "cohort.releases.jsonl"
    ledger.rename(tmp_path / "elsewhere")
    assert not reasons(checked(all_but, cohort)[1])


def test_events_that_differ_by_those_of_few_people_from_released_ones(tmp_path: Path):
    """Fifteen events can be those of three: it is people who count."""
    people = [f"{n:032x}" for n in range(60)]
    homes = {(own, "police"): {"home": "ZX1" if n < 57 else "ZX2"} for n, own in enumerate(people)}
    told = [
        {"person": own, "agency": "police", "event": "missing_episode", "date": date(2026, 7, 1)}
        for n, own in enumerate(people)
        for _ in range(1 if n < 57 else 5)
    ]
    links = [(own, "police", 1.0) for own in people]
    cohort = open_cohort(write_small(tmp_path / "cohort", links, told, attributes=homes))
    people_first = cohort.table("home").write(tmp_path / "people.csv")
    assert checked(people_first, cohort, "--out", str(tmp_path / "people-out.csv"))[0] == 0
    everybody = cohort.table("event", value="events").write(tmp_path / "all.csv")
    assert checked(everybody, cohort, "--out", str(tmp_path / "out.csv"))[0] == 0
    most = {"home": ("ZX1",)}
    all_but = cohort.table("event", value="events", where=most).write(tmp_path / "all-but.csv")
    code, said = checked(all_but, cohort)
    assert (code, reasons(said)["Total", "events"]) == (3, "differencing")
    # The table of people doesn't compare, and yet has its number.
    assert "together with release 2 it would give away" in said["withheld"][0]["explanation"]


def test_a_cell_shown_before_cant_protect_others(cohort: Cohort, tmp_path: Path):
    """If all large cells of a row are known, its small one can be worked out from any total."""
    by_agencies = cohort.table("agencies")
    path = by_agencies.write(tmp_path / "one.csv")
    assert checked(path, cohort, "--out", str(tmp_path / "one-safe.csv"))[0] == 0
    hidden = [row for row, cell in zip("123456T", rows_of(tmp_path / "one-safe.csv"), strict=True)
              if cell == [WITHHELD]]  # fmt: skip
    again = cohort.table("agencies", "sex").write(tmp_path / "two.csv")
    code, said = checked(again, cohort, "--out", str(tmp_path / "two-safe.csv"))
    assert code == 0
    totals = [line[-1] for line in rows_of(tmp_path / "two-safe.csv")]
    for row, total in zip("123456", totals, strict=False):
        assert (total == WITHHELD) == (row in hidden)
    assert said["can_leave"]


def test_within_a_table_of_people_in_several_columns(cohort: Cohort, tmp_path: Path):
    """Nearly all whom the police reported in a district were reported in one quarter."""
    path = cohort.table("district", "quarter", where=MISSING).write(tmp_path / "table.csv")
    _, said = checked(path, cohort)
    near = [own for own in said["withheld"] if own["reason"] == "differencing"]
    assert near
    assert all("another cell of this table" in own["explanation"] for own in near)


def test_places_that_make_up_a_cell(tmp_path: Path):
    people = [f"{n:032x}" for n in range(60)]
    told = [
        {"person": person, "agency": "police", "event": "missing_episode", "date": date(2026, 7, 1),
         "quarter": "2026Q3", "district": "ZX1" if n < 30 else "ZX2",
         "place": "home" if n < 28 else f"place {n % 9}"}
        for n, person in enumerate(people)
    ]  # fmt: skip
    folder = write_small(tmp_path / "cohort", [(own, "police", 1.0) for own in people], told)
    cohort = open_cohort(folder)
    path = cohort.table("district", value="events").write(tmp_path / "table.csv")
    said = checked(path, cohort)[1]
    assert reasons(said) == {("ZX1", "events"): "place", ("ZX2", "events"): "secondary"} or (
        reasons(said) == {("ZX1", "events"): "place", ("Total", "events"): "secondary"}
    )


def test_releases_are_on_record_once_and_a_damaged_record_stops(cohort: Cohort, tmp_path: Path):
    path, ledger = cohort.table("sex").write(tmp_path / "t.csv"), tmp_path / "cohort.releases.jsonl"
    for _ in range(2):
        assert check(path, cohort, "--out", str(tmp_path / "safe.csv")).exit_code == 0
    assert len(ledger.read_text().splitlines()) == 1
    assert not re.search(r'"(count|people|counts)": *\d', ledger.read_text())
    shutil.copy(tmp_path / "t.csv.json", tmp_path / "safe.csv.json")
    assert check(tmp_path / "safe.csv", cohort, "--record").exit_code == 0
    assert len(ledger.read_text().splitlines()) == 1
    ledger.write_text(ledger.read_text() + "{}\n")
    done = check(path, cohort)
    assert done.exit_code == 1
    assert "cohort.releases.jsonl is damaged in line 2" in done.stderr


def test_a_table_of_few_people_leaves_without_a_count(cohort: Cohort, tmp_path: Path):
    path = cohort.table("agencies", where={"agencies": "6"}).write(tmp_path / "t.csv")
    assert check(path, cohort, "--out", str(tmp_path / "safe.csv")).exit_code == 0
    assert rows_of(tmp_path / "safe.csv") == [[WITHHELD], [WITHHELD]]


@pytest.fixture
def three_sexes(tmp_path: Path) -> Cohort:
    """20, 24 and 3 people."""
    people = [f"{n:032x}" for n in range(47)]
    sexes = {(own, "police"): {"sex": "f" if n < 20 else "m" if n < 44 else "x"}
             for n, own in enumerate(people)}  # fmt: skip
    known = [(own, "police", 1.0) for own in people]
    return open_cohort(write_small(tmp_path / "cohort", known, attributes=sexes))


def test_several_releases_together_give_nothing_away(three_sexes: Cohort, tmp_path: Path):
    """Either two of these may leave; with the third, what is left of the total would tell."""
    safe = tmp_path / "safe.csv"
    for number, where in enumerate(({"sex": "f"}, {}, {"sex": "m"})):
        path = three_sexes.table("agencies", where=where).write(tmp_path / "t.csv")
        code, said = checked(path, three_sexes, "--out", str(safe))
        assert code == 0
        assert set(reasons(said).values()) <= {"together", "secondary"}
        assert (WITHHELD in safe.read_text()) == (number == 2)
    by_sex = three_sexes.table("sex").write(tmp_path / "t.csv")
    code, said = checked(by_sex, three_sexes, "--out", str(safe))
    assert (code, rows_of(safe)) == (0, [["20"], [WITHHELD], [WITHHELD], ["45"]])


def test_one_table_at_a_time_is_compared_and_put_on_record(three_sexes: Cohort, tmp_path: Path):
    """Three at once: the last compares with both others, and so withholds more."""
    folder = three_sexes.frames.folder
    for number, where in enumerate(({"sex": "f"}, {}, {"sex": "m"})):
        three_sexes.table("agencies", where=where).write(tmp_path / f"{number}.csv")
    with ThreadPoolExecutor() as pool:
        with releasing(folder):
            begun = [
                pool.submit(_release_in_a_process, folder, tmp_path, number) for number in range(3)
            ]
            assert not wait(begun, timeout=3, return_when=FIRST_COMPLETED).done
            assert not ledger_path(folder).exists()
        assert [own.result() for own in begun] == [0, 0, 0]
    assert len(read_releases(folder)) == 3
    left = [(tmp_path / f"safe{number}.csv").read_text() for number in range(3)]
    assert sum(WITHHELD in text for text in left) == 1


def test_where_nothing_can_be_put_on_record_nothing_is_released(cohort: Cohort, tmp_path: Path):
    path, out = cohort.table("sex").write(tmp_path / "t.csv"), tmp_path / "safe.csv"
    words = ["--cohort", str(tmp_path / "no" / "cohort"), "--out", str(out)]
    done = CliRunner().invoke(cli, ["cohort", "release-check", str(path), *words])
    assert (done.exit_code, out.exists()) == (1, False)
    assert "Nothing can be put on record in the folder" in done.stderr


def _release_in_a_process(folder: Path, within: Path, number: int) -> int:
    table, out = within / f"{number}.csv", within / f"safe{number}.csv"
    words = ["cohort", "release-check", str(table), "--cohort", str(folder), "--out", str(out)]
    code = f"from agency_client.cli import main; import sys; sys.argv[1:] = {words}; main()"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode


def test_a_table_whose_large_cells_are_all_known_is_refused(three_sexes: Cohort, tmp_path: Path):
    """As after releases by other means, put on record by hand."""
    folder, safe = three_sexes.frames.folder, tmp_path / "safe.csv"
    for where in ({"sex": ("f",)}, {"sex": ("m",)}, {}):
        spec = TableSpec(three_sexes.description.id, "people", ("agencies",), where=where)
        add_release(folder, spec, [0, 1], "0" * 64, datetime(2026, 10, 1, tzinfo=UTC))
    path = three_sexes.table("sex").write(tmp_path / "t.csv")
    done = check(path, three_sexes, "--out", str(safe))
    assert (done.exit_code, safe.exists()) == (3, False)
    assert done.stdout.startswith("REFUSED. What was released before shows too much")


def test_tables_and_specs_that_dont_fit_are_refused(cohort: Cohort, tmp_path: Path):
    path = cohort.table("sex").write(tmp_path / "t.csv")
    path.write_text(path.read_text().replace("Total", "All"))
    done = check(path, cohort)
    assert (done.exit_code, done.stdout) == (3, "")
    assert "t.csv hasn't the rows and columns that the file beside it says" in done.stderr
    beside = tmp_path / "t.csv.json"
    other = beside.read_text().replace(cohort.description.id, "f" * 32)
    beside.write_text(other)
    assert "made from another cohort" in check(path, cohort).stderr
    beside.write_text(other.replace('"value": "people"', '"value": "names"'))
    assert "doesn't say what its table counts (value is wrong)" in check(path, cohort).stderr
    beside.unlink()
    done = check(path, cohort)
    assert done.exit_code == 1
    assert "has no t.csv.json beside it" in done.stderr


def test_what_a_table_can_count_is_what_the_cohort_has(cohort: Cohort):
    with pytest.raises(InputError, match="No column of the cohort is postcode"):
        cohort.table("postcode")
    with pytest.raises(InputError, match="No sex of the cohort is x"):
        cohort.table("home", where={"sex": "x"})
    with pytest.raises(InputError, match="more than 2,000 cells"):
        cohort.table(("district", "quarter", "event"), ("kind", "home", "sex"), value="events")
    other = TableSpec("other", "people", ("sex",))
    with pytest.raises(VerificationError, match="another cohort"):
        read_units(cohort.frames, other)


def test_counts_are_those_of_the_cohort(cohort: Cohort):
    events = cohort.events[cohort.events["event"] == "missing_episode"]
    table = cohort.table("district", "quarter", value="events", where=MISSING).frame
    assert table.loc["ZX1", "2026Q2"] == ((events["district"] == "ZX1")
                                          & (events["quarter"] == "2026Q2")).sum()  # fmt: skip
    assert table.loc["Total", "Total"] == len(events)
    assert table.loc["not known", "Total"] == events["district"].isna().sum()
    people = cohort.table("district", "quarter", where=MISSING).frame
    assert people.loc["Total", "Total"] == events["person"].nunique()
    assert people.loc["ZX1", "Total"] == events[events["district"] == "ZX1"]["person"].nunique()
    known = cohort.table("agency").frame["people"]
    assert known["Total"] == len(cohort.people)
    assert known["police"] == (cohort.memberships["agency"] == "police").sum()
    areas = cohort.table("area", where=MISSING, value="events", boroughs={"ZX1": "Northam"}).frame
    assert areas["events"].to_dict() == {
        "Northam": (events["district"] == "ZX1").sum(),
        "not known": (events["district"] != "ZX1").sum(),
        "Total": len(events),
    }


def test_the_command_says_only_json_on_standard_output(cohort: Cohort, tmp_path: Path):
    """In a process of its own: the solver is a library that may write past Python."""
    path = cohort.table("agencies", "sex").write(tmp_path / "table.csv")
    command = "from agency_client.cli import main; main()"
    words = ["cohort", "release-check", str(path), "--cohort", str(cohort.frames.folder)]
    done = subprocess.run(
        [sys.executable, "-c", command, *words, "--format", "json"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (3, "")
    assert json.loads(done.stdout)["withheld"]


def test_a_cohort_is_found_above_its_tables(simulated: Simulated, tmp_path: Path):
    folder = shutil.copytree(simulated.folder, tmp_path / "cohort")
    path = open_cohort(folder).table("sex").write(folder / "table.csv")
    assert CliRunner().invoke(cli, ["cohort", "release-check", str(path)]).exit_code == 3
    shutil.move(path, tmp_path / "table.csv")
    done = CliRunner().invoke(cli, ["cohort", "release-check", str(tmp_path / "table.csv")])
    assert done.exit_code == 1
    assert "name the folder with --cohort" in done.stderr
