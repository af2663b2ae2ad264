"""Worker processes: started anew, replaced when they die, stopped in time, never orphans."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import active_children
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

from matcher.worker import processes
from matcher.worker.processes import Workers
from tests.matcher.runs.targets import ignore_all, linger
from tests.matcher.runs.test_worker import break_once


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def ids(folder: Path, what: str = "begun") -> list[int]:
    return sorted(int(path.stem) for path in folder.glob(f"*.{what}"))


def test_a_worker_that_dies_is_replaced_and_all_are_stopped(tmp_path):
    with Workers(partial(linger, tmp_path), 2):
        until(lambda: len(ids(tmp_path)) == 2)
        assert len(active_children()) == 2
        first, second = ids(tmp_path)
        os.kill(first, signal.SIGKILL)
        until(lambda: len(ids(tmp_path)) == 3)
    assert not active_children()
    assert set(ids(tmp_path, "stopped")) == set(ids(tmp_path)) - {first}
    assert second in ids(tmp_path, "stopped")


def test_a_process_that_cannot_be_started_is_started_later(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "_LONGEST_PAUSE", 0.1)
    break_once(monkeypatch, SpawnProcess, "start", BlockingIOError(errno.EAGAIN, "Too many"))
    with Workers(partial(linger, tmp_path), 2):
        until(lambda: len(ids(tmp_path)) == 2)


def test_who_does_not_stop_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.3)
    with Workers(partial(ignore_all, tmp_path), 1):
        until(lambda: len(ids(tmp_path)) == 1)
    assert not active_children()
    with pytest.raises(ProcessLookupError):
        os.kill(ids(tmp_path)[0], 0)


def test_no_workers_are_none():
    with Workers(partial(linger, Path("/nowhere")), 0):
        time.sleep(0.05)
        assert not active_children()


def test_workers_end_with_the_process_that_started_them(tmp_path):
    program = (
        "import sys, time\n"
        "from functools import partial\n"
        "from pathlib import Path\n"
        "from matcher.worker.processes import Workers\n"
        "from tests.matcher.runs.targets import linger\n"
        "if __name__ == '__main__':\n"
        "    with Workers(partial(linger, Path(sys.argv[1])), 2):\n"
        "        time.sleep(600)\n"
    )
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])}
    parent = subprocess.Popen([sys.executable, tmp_path / "program.py", tmp_path], env=environment)
    try:
        until(lambda: len(ids(tmp_path)) == 2)
    finally:
        parent.kill()
        parent.wait()
    until(lambda: ids(tmp_path, "stopped") == ids(tmp_path))


def loaded_by(module: str, names: tuple[str, ...]) -> str:
    program = f"import sys, {module}; print([n for n in {names} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_who_starts_workers_loads_no_compiler_and_no_web():
    assert loaded_by("matcher.app.working", ("numba", "fastapi", "pandas", "altair")) == "[]"


def test_a_worker_loads_no_web():
    names = ("fastapi", "uvicorn", "hashing", "agency_client")
    assert loaded_by("matcher.app.worker", names) == "[]"
