"""Killed at any moment, an encoding leaves files that are whole or absent."""

import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from agency_client.outputs import write_together, written_whole
from linkage.encodings import read_encodings
from tests.agency_client.conftest import new_desk

# Writes for ever, so that the kill falls within the writing.
SLOW = """
import sys
from pathlib import Path
from agency_client import outputs
folder = Path(sys.argv[1])
def slowly(sink):
    for _ in range(100_000_000):
        sink.write(b"x" * 100)
        sink.flush()
outputs.write_together(folder / "a", lambda sink: sink.write(b"whole"), folder / "b", slowly)
"""


def wait_for(path):
    deadline = time.monotonic() + 20
    while not (path.exists() and path.stat().st_size):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_kill_while_writing_leaves_only_partial_files(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", SLOW, str(tmp_path)])
    wait_for(tmp_path / "b.partial")
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.partial", "b.partial"]
    write_together(tmp_path / "a", lambda s: s.write(b"1"), tmp_path / "b", lambda s: s.write(b"2"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    assert (tmp_path / "a").read_bytes() == b"1"


def test_one_file_is_written_whole_or_stays_as_it_was(tmp_path):
    place = tmp_path / "a"
    place.write_text("what was there")
    with pytest.raises(TypeError), written_whole(place) as sink:
        sink.write("half" if sink.write(b"half") else b"")
    assert place.read_text() == "what was there"
    with written_whole(place) as sink:
        sink.write(b"whole")
        assert place.read_text() == "what was there"
    assert place.read_bytes() == b"whole"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.fixture(scope="module")
def duration(tmp_path_factory):
    """How long an encoding takes here, start and all."""
    desk = new_desk(tmp_path_factory.mktemp("desk"))
    started = time.monotonic()
    assert desk.run(*desk.arguments()).returncode == 0
    return time.monotonic() - started


@pytest.mark.parametrize("share", [0.6, 0.85, 0.95, 1.0])
def test_a_killed_encoding_leaves_whole_files_or_none(desk, duration, share):
    words = [sys.executable, "-c", "from agency_client.cli import main; main()"]
    process = subprocess.Popen(
        [*words, *desk.arguments()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(duration * share)
    process.kill()
    process.wait()
    out, mapped = desk.outputs
    if out.exists():
        with out.open("rb") as source:
            assert len(read_encodings(source, out.name)) == 3
        assert mapped.exists()
    if mapped.exists():
        assert pq.read_table(mapped).num_rows == 3
    finished = {"out.arrow", "out.map.parquet"}
    assert all(name in finished or name.endswith(".partial") for name in desk.leftovers())


def test_between_the_renames_there_is_no_second_file(tmp_path, monkeypatch):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"old")
    second.write_bytes(b"old")
    seen = []
    rename = Path.replace

    def watch(source, target):
        seen.append(second.exists())
        return rename(source, target)

    monkeypatch.setattr(Path, "replace", watch)
    write_together(first, lambda s: s.write(b"1"), second, lambda s: s.write(b"2"))
    assert seen == [False, False]
    assert (first.read_bytes(), second.read_bytes()) == (b"1", b"2")


def test_a_failed_rename_leaves_neither(tmp_path, monkeypatch):
    rename = Path.replace

    def fail_for_b(source, target):
        if target.name == "b":
            raise OSError(5, "Input/output error")
        return rename(source, target)

    monkeypatch.setattr(Path, "replace", fail_for_b)
    with pytest.raises(OSError, match="Input/output"):
        write_together(
            tmp_path / "a", lambda s: s.write(b"1"), tmp_path / "b", lambda s: s.write(b"2")
        )
    assert list(tmp_path.iterdir()) == []


def test_a_partial_file_that_somebody_planted_is_not_written_through(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"mine")
    (tmp_path / "a.partial").symlink_to(elsewhere)
    (tmp_path / "b.partial").write_bytes(b"old")
    (tmp_path / "b.partial").chmod(0o666)
    write_together(tmp_path / "a", lambda s: s.write(b"1"), tmp_path / "b", lambda s: s.write(b"2"))
    assert elsewhere.read_bytes() == b"mine"
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600
