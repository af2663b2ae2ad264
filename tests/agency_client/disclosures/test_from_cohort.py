"""People of a cohort's folder who are to be proposed."""

import pytest

from agency_client.cohort.pulling.building import Parts, build_tables
from agency_client.cohort.pulling.directory import write_cohort
from agency_client.disclosures.from_cohort import read_chosen_people
from linkage.errors import InputError, PolicyError
from tests.agency_client.cohort.made_up import AGREEMENT, FACTS, MadeUp


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohorts") / "own"
    made = MadeUp(150, 10)
    tables = build_tables(Parts(made.map, made.payloads, AGREEMENT.payload))
    write_cohort(folder, tables, FACTS, AGREEMENT.payload)
    return folder, tables["people"].to_pandas()


def chosen(cohort, folder, names):
    (folder / "chosen.csv").write_text("\n".join(["Person,note", *(f"{own},x" for own in names)]))
    return read_chosen_people(cohort, folder / "chosen.csv")


def test_people_are_read_with_what_the_cohort_says_of_them(cohort, tmp_path):
    folder, people = cohort
    with pytest.raises(InputError, match="needs a column person"):
        chosen(folder, tmp_path, people["person"])
    (tmp_path / "people.csv").write_text("person\n" + "\n".join(people["person"]) + "\n")
    found = read_chosen_people(folder, tmp_path / "people.csv")
    assert found.cohort == FACTS["id"]
    assert list(found.people) == people["person"].tolist()


def test_who_may_not_be_proposed_is_said_by_the_pseudonym_that_the_analyst_knows(cohort, tmp_path):
    folder, people = cohort
    terms = AGREEMENT.disclosure

    def require(row, rule):
        (tmp_path / "one.csv").write_text(f"person\n{row['person']}\n")
        read_chosen_people(folder, tmp_path / "one.csv").require_proposable(terms, rule)

    sure, known = people["probability"] >= 0.9, people["agencies"] >= 3
    require(people[sure & known].iloc[0], "several")
    with pytest.raises(PolicyError, match=r"fewer agencies than the 3 of the rule 'several'"):
        require(people[sure & ~known].iloc[0], "several")
    unsure = people[~sure & known].iloc[0]
    with pytest.raises(PolicyError, match=f"{unsure['person'][:8]} is linked with the probability"):
        require(unsure, "missing")


def test_other_peoples_pseudonyms_and_other_folders_are_refused(cohort, tmp_path):
    (tmp_path / "people.csv").write_text(f"person\n{'ab' * 16}\n")
    with pytest.raises(InputError, match="1 of 1 people in people"):
        read_chosen_people(cohort[0], tmp_path / "people.csv")
    for folder in (tmp_path, tmp_path / "people.csv", tmp_path / "none"):
        with pytest.raises(InputError, match="no folder of"):
            read_chosen_people(folder, tmp_path / "people.csv")
