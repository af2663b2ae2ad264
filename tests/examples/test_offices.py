"""The folder of a demonstration: what it made itself it may delete, and nothing else."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from examples.offices import AGREEMENT, empty_folder


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_earlier_demonstration_is_replaced(tmp_path: Path):
    folder = tmp_path / "demo" / "safeguarding"
    empty_folder(folder)
    before = contents(folder)
    (folder / "police").mkdir()
    (folder / AGREEMENT).write_text("old")
    empty_folder(folder)
    assert contents(folder) == before


def test_an_empty_folder_will_do(tmp_path: Path):
    empty_folder(tmp_path)
    assert len(contents(tmp_path)) == 1


@pytest.mark.parametrize("name", [AGREEMENT, "police.csv", "anything"])
def test_a_folder_of_somebodys_own_is_left_alone(tmp_path: Path, name: str):
    (tmp_path / name).write_text("precious")
    (tmp_path / "keys").mkdir()
    with pytest.raises(click.ClickException, match="holds something else"):
        empty_folder(tmp_path)
    assert contents(tmp_path) == sorted([name, "keys"])
    assert (tmp_path / name).read_text() == "precious"
