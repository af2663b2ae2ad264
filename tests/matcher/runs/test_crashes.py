"""A worker that is killed at every step of a run: nothing is lost, nothing is done twice."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from matcher.store.tables import results, runs
from tests.matcher.runs.killer import TILES
from tests.matcher.runs.matchers import BEGIN, LEASE_SECONDS, Matcher

NEVER = 1 << 30
PEOPLE = 40
SAME = ("links.parquet", "clusters.parquet", "evidence.parquet")


class Killing:
    """The process that forks workers which die."""

    def __init__(self, url: str, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.matcher.runs.killer", url, str(folder)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout.readline() == "ready\n"

    def work(self, clock_seconds: int, kill_at: int = NEVER) -> str:
        self._process.stdin.write(f"{kill_at} {clock_seconds}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        self._process.stdin.close()
        assert self._process.wait() == 0


@pytest.fixture
def killing(database_url: str, matcher: Matcher) -> Iterator[Killing]:
    matcher.folder.mkdir(parents=True, exist_ok=True)
    killing = Killing(database_url, matcher.folder)
    yield killing
    killing.close()


def kinds(matcher: Matcher) -> Counter[str]:
    """Return how many events of each kind are in the log, which verifies."""
    return Counter(event.kind for event in matcher.events())


def require_sound(matcher: Matcher, digest: str, run: str, before: Counter[str]) -> str:
    """Assert what has to hold at any moment; return the run's state."""
    state, new = matcher.state(run), kinds(matcher) - before
    assert new["run.started"] == (state != "queued")
    assert new["run.finished"] == (state == "finished")
    assert results_of(matcher, run) == (2 if state == "finished" else 0)
    if state == "finished":
        outcome = matcher.runs.outcome(digest, run)
        for path, expected in outcome.files.items():
            assert matcher.objects.size(f"{outcome.folder}/{path}") == expected.size
    return state


def results_of(matcher: Matcher, run: str) -> int:
    query = select(func.count()).select_from(results).where(results.c.run == run)
    with matcher.database.reading() as connection:
        return connection.execute(query).scalar_one()


def forget(matcher: Matcher, run: str) -> None:
    """Let no later run go on from this one, so that each compares all there is."""
    with matcher.database.writing() as connection:
        connection.execute(update(runs).where(runs.c.id == run).values(data="erased"))


def test_killed_at_any_step_a_run_is_finished_once(matcher: Matcher, killing: Killing):
    digest, run = matcher.ready(people=PEOPLE)
    seconds, places, expected, tiles = 0, [], None, None
    at = NEVER
    while True:
        before = kinds(matcher)
        (matcher.folder / TILES).write_text("")
        died = killing.work(seconds, at)
        state = require_sound(matcher, digest, run, before)
        assert died != "done" or state == "finished"
        seconds += LEASE_SECONDS + 1
        assert killing.work(seconds) == "done"
        assert require_sound(matcher, digest, run, before) == "finished"
        contents = matcher.contents(digest, run)
        kept = sorted(map(int, (matcher.folder / TILES).read_text().split()))
        if expected is None:
            expected, tiles = {name: contents[name] for name in SAME}, kept
            assert len(tiles) > 2
        assert {name: contents[name] for name in SAME} == expected, died
        assert kept == tiles, died  # each tile that was finished was finished once
        assert not list((matcher.folder / "work").iterdir()), died
        if at != NEVER and died == "done":
            break
        if at != NEVER:
            places.append(died)
        at = 0 if at == NEVER else at + 1
        forget(matcher, run)
        matcher.clock.wait(2 * LEASE_SECONDS + 2)
        seconds = int((matcher.clock() - BEGIN).total_seconds())
        run = matcher.runs.queue(digest)
    counted = Counter(places)
    assert counted["killed before a commit"] == 3
    assert counted["killed after a tile is kept"] == len(tiles)
    assert counted["killed before an object is stored"] == 7
    assert counted["killed after the work folder is removed"] == 1
    assert len(places) > 30
