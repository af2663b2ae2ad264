"""The check of pins against advisories finds what it must, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.advisories import find, read_pins


def advisory(events: list[dict[str, str]], **more: object) -> dict[str, object]:
    affected = {
        "package": {"ecosystem": "PyPI", "name": "Some_Package"},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
    }
    return {"id": "PYSEC-1", "aliases": ["CVE-1"], "affected": [affected | more]}


def zipped(tmp_path: Path, *advisories: dict[str, object]) -> Path:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, one in enumerate(advisories):
            archive.writestr(f"PYSEC-{number}.json", json.dumps(one))
    return path


ONCE = [{"introduced": "0"}, {"fixed": "1.2"}]
AGAIN = [{"introduced": "0"}, {"fixed": "1.2"}, {"introduced": "2.0"}, {"fixed": "2.10"}]
LAST = [{"introduced": "1.0"}, {"last_affected": "1.5"}]


@pytest.mark.parametrize(
    ("events", "version", "affected"),
    [
        (ONCE, "1.1.9", True), (ONCE, "1.2", False), (ONCE, "1.10", False), (ONCE, "0.1", True),
        (ONCE, "1.2rc1", True), (AGAIN, "1.3", False), (AGAIN, "2.9", True), (AGAIN, "2.10", False),
        (LAST, "0.9", False), (LAST, "1.5", True), (LAST, "1.5.1", False),
        ([{"introduced": "0"}], "9", True),
    ],
)  # fmt: skip
def test_ranges(tmp_path: Path, events, version: str, affected: bool):
    found = find(zipped(tmp_path, advisory(events)), {"some-package": version})
    assert bool(found) is affected


def test_versions_by_name(tmp_path: Path):
    path = zipped(tmp_path, advisory([{"introduced": "3"}], versions=["1.0", "1.1"]))
    assert find(path, {"some-package": "1.1"})
    assert not find(path, {"some-package": "1.2"})


def test_what_does_not_count(tmp_path: Path):
    other = advisory(ONCE)
    other["affected"][0]["package"]["ecosystem"] = "npm"
    withdrawn = {**advisory(ONCE), "withdrawn": "2026-01-01T00:00:00Z"}
    assert not find(zipped(tmp_path, other, withdrawn), {"some-package": "1.0"})
    assert not find(zipped(tmp_path, advisory(ONCE)), {"another": "1.0"})


def test_only_pins_are_read():
    assert read_pins("# words\nSome_Package==1.0  # why\n") == {"some-package": "1.0"}
    for line in ("some-package>=1.0", "some-package", "some-package==1.*"):
        with pytest.raises(ValueError, match="not pinned"):
            read_pins(line)


def test_every_pin_of_the_project_is_one():
    assert len(read_pins(Path("constraints.txt").read_text(encoding="utf-8"))) > 50


def test_as_a_command(tmp_path: Path):
    pins = tmp_path / "pins.txt"
    path = zipped(tmp_path, advisory(ONCE))
    for version, code in (("1.0", 3), ("1.2", 0)):
        pins.write_text(f"some.package=={version}\n", encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "tests.advisories", path, pins],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        assert ("CVE-1; mended in 1.2" in done.stdout) is (code == 3)
