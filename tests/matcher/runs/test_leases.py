"""Leases: one worker at a time, in order, and nothing from one that has lost its."""

from __future__ import annotations

import threading

import pytest

from matcher.jobs.leases import (
    LeaseLostError,
    Progress,
    end_job,
    has_ended,
    keep_lease,
    put_back,
    require_lease,
)
from tests.matcher.runs.matchers import LEASE_SECONDS, agreement_of, files_of


@pytest.fixture
def queued(matcher) -> str:
    return matcher.ready()[1]


def change(matcher, function, *arguments, **more):
    with matcher.database.writing() as connection:
        return function(connection, *arguments, **more)


def test_a_run_is_leased_once_until_the_lease_expires(matcher, queued):
    lease = matcher.take("one")
    assert (lease.run, lease.number, lease.attempt) == (queued, 1, 1)
    assert matcher.take("two") is None
    matcher.clock.wait(LEASE_SECONDS - 1)
    assert matcher.take("two") is None
    matcher.clock.wait(1)
    again = matcher.take("two")
    assert (again.run, again.number, again.attempt) == (queued, 2, 2)


def test_a_lease_that_is_kept_does_not_expire(matcher, queued):
    lease = matcher.take("one")
    for _ in range(5):
        matcher.clock.wait(LEASE_SECONDS - 1)
        assert not matcher.carrying.keep(lease, LEASE_SECONDS, Progress("linking", 3, 4))
        assert matcher.take("two") is None
    job = matcher.job(queued)
    assert (job.stage, job.done, job.total) == ("linking", 3, 4)


def test_who_never_heard_of_its_lease_gets_the_run_again(matcher, queued):
    first = matcher.take("one")
    again = matcher.take("one")
    assert again.run == first.run
    assert again.number == first.number + 1


def test_a_lost_lease_can_change_nothing(matcher, queued):
    lost = matcher.take("one")
    matcher.clock.wait(LEASE_SECONDS)
    held = matcher.take("two")
    before = matcher.job(queued)
    for function, *arguments in (
        (keep_lease, 10**12, Progress("mine", 1, 1)),
        (require_lease,),
    ):
        with pytest.raises(LeaseLostError):
            change(matcher, function, lost, *arguments)
    with pytest.raises(LeaseLostError):
        change(matcher, put_back, lost, 0, counts=True)
    with pytest.raises(LeaseLostError):
        matcher.carrying.begin(lost)
    with pytest.raises(LeaseLostError):
        matcher.carrying.fail(lost, "It failed.")
    with pytest.raises(LeaseLostError):
        matcher.carrying.cancel(lost)
    assert matcher.job(queued) == before
    assert matcher.events() == []
    change(matcher, require_lease, held)


def test_a_job_ends_under_one_lease_only(matcher, queued):
    lost = matcher.take("one")
    matcher.clock.wait(LEASE_SECONDS)
    held = matcher.take("two")
    change(matcher, end_job, queued)
    assert change(matcher, has_ended, held)
    assert not change(matcher, has_ended, lost)
    matcher.clock.wait(10**6)
    assert matcher.take("three") is None


def test_what_is_put_back_waits_and_counts_as_asked(matcher, queued):
    lease = matcher.take("one")
    matcher.carrying.put_back(lease, 30, counts=True)
    assert matcher.take("one") is None
    matcher.clock.wait(30)
    second = matcher.take("one")
    assert second.attempt == 2
    matcher.carrying.put_back(second, 0, counts=False)
    assert matcher.take("one").attempt == 2


def test_the_fourth_attempt_is_one_too_many(matcher, queued):
    attempts = []
    for _ in range(4):
        attempts.append(matcher.take("one").is_one_too_many)
        matcher.clock.wait(LEASE_SECONDS)
    assert attempts == [False, False, False, True]


def test_of_an_agreement_only_the_oldest_run_is_given_out(matcher):
    digest, first = matcher.ready()
    matcher.open_round(digest, 2)
    matcher.commit(digest, 2, files_of(agreement_of(2), 2, seed=9)[0])
    second = matcher.runs.all(digest)[0].id
    assert second != first
    other = agreement_of(2, id_="other")
    matcher.admit(other)
    matcher.open_round(other.digest(), 1)
    for file in files_of(other, 2):
        matcher.commit(other.digest(), 1, file)
    third = matcher.runs.all(other.digest())[0].id
    assert {matcher.take(f"worker {k}").run for k in range(2)} == {first, third}
    assert matcher.take("worker 3") is None
    change(matcher, end_job, first)
    assert matcher.take("worker 3").run == second


def test_workers_that_ask_at_once_get_different_runs(matcher):
    agreements = [agreement_of(2, id_=f"number{k}") for k in range(6)]
    for agreement in agreements:
        digest = matcher.admit(agreement)
        matcher.open_round(digest, 1)
        for file in files_of(agreement, 2, people=20):
            matcher.commit(digest, 1, file)
    taken, gate = [], threading.Barrier(4)

    def take(name):
        gate.wait()
        for _ in range(6):
            if (lease := matcher.take(f"{name} {len(taken)}")) is not None:
                taken.append(lease.run)

    threads = [threading.Thread(target=take, args=(f"worker {k}",)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == len(agreements)
