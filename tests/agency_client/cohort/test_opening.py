"""A cohort's directory is opened as it was pulled, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agency_client.cohort import Cohort, open_cohort
from linkage.errors import InputError, VerificationError
from tests.agency_client.cohort.simulated import write_small


def small(tmp_path: Path) -> Path:
    return write_small(tmp_path / "cohort", [("a", "police", 1.0)])


def test_tables_are_frames_and_attributes_are_named(whole: Cohort):
    assert whole.frames.attributes == ["home", "sex"]
    assert len(whole.people) == whole.memberships["person"].nunique()
    assert whole.quarters == ["2026Q2", "2026Q3"]
    assert whole.events["date"].dt.day.unique().tolist() == [1]


def test_a_file_that_was_changed_is_refused(tmp_path: Path):
    folder = small(tmp_path)
    (folder / "events.parquet").write_bytes((folder / "people.parquet").read_bytes())
    with pytest.raises(VerificationError, match=r"events\.parquet isn't the file that was pulled"):
        open_cohort(folder)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": "concord-cohort/9"}, "is of the format 'concord-cohort/9'"),
        ({"outputs": {"least_cell": None, "rounding": 5}}, "isn't the description of a cohort"),
        ({"agencies": []}, "isn't the description of a cohort"),
    ],
)
def test_another_description_is_refused(tmp_path: Path, change: dict[str, object], sentence: str):
    folder = small(tmp_path)
    said = json.loads((folder / "cohort.json").read_text())
    (folder / "cohort.json").write_text(json.dumps(said | change))
    with pytest.raises(InputError, match=sentence):
        open_cohort(folder)


def test_no_cohort_and_no_table_are_told_apart(tmp_path: Path):
    with pytest.raises(InputError, match="so it is no cohort"):
        open_cohort(tmp_path)
    folder = small(tmp_path)
    (folder / "households.parquet").unlink()
    with pytest.raises(InputError, match=r"has no households\.parquet"):
        open_cohort(folder)


def test_a_misspelt_name_isnt_a_count_of_nothing(whole: Cohort):
    with pytest.raises(InputError, match=r"No event of the cohort is mising.*missing_episode"):
        whole.most_concern(event="mising")
    with pytest.raises(InputError, match="No agency of the cohort is polise"):
        whole.absent(known_to="charity", absent_from="polise")
    with pytest.raises(InputError, match="No kind of the cohort is marac"):
        whole.overlap("mase", "marac")
