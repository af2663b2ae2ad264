"""What a run leaves behind is gone soon after its end, however it ends."""

from __future__ import annotations

import pytest

from matcher.worker import working
from matcher.worker.bench import Bench
from tests.matcher.runs.matchers import never
from tests.matcher.runs.test_worker import break_once


@pytest.fixture
def restless(monkeypatch):
    """Let workers look for work, and for what to remove, all the time."""
    monkeypatch.setattr(working, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(working, "SWEEP_SECONDS", 0.0)


@pytest.mark.usefixtures("no_report", "restless")
def test_what_a_run_leaves_that_is_cancelled_during_a_pause_is_removed(matcher, monkeypatch):
    digest, run = matcher.ready(people=60)
    break_once(monkeypatch, Bench, "keep", MemoryError())
    assert matcher.worker().run_next(never)
    assert [path.name for path in (matcher.folder / "work").iterdir()] == [run]
    looks = iter(range(4))

    def cancelled_meanwhile() -> bool:
        look = next(looks)
        if look == 1:
            assert matcher.runs.cancel(digest, run).state == "cancelled"
        return look == 3

    matcher.worker().work(cancelled_meanwhile)
    assert not list((matcher.folder / "work").iterdir())
