"""When runs are queued, and what can be asked of them."""

from __future__ import annotations

import pytest

from linkage.errors import ConflictError, MissingError, NotReadyError, VerificationError
from matcher.jobs.leases import Progress
from matcher.runs.chosen import choose_uploads, parse_inputs
from tests.matcher.runs.matchers import agreement_of, files_of, never


def test_a_run_is_queued_by_the_last_upload_of_the_round(matcher):
    agreement = agreement_of(3)
    digest = matcher.admit(agreement)
    matcher.open_round(digest, 1)
    counts = []
    for file in files_of(agreement, 3, people=30):
        matcher.commit(digest, 1, file)
        counts.append(len(matcher.runs.all(digest)))
    assert counts == [0, 0, 1]


def test_a_later_round_links_each_agencys_newest_upload(matcher):
    digest, first = matcher.ready()
    newer = files_of(agreement_of(2), 2, people=30, seed=7)[1]
    matcher.open_round(digest, 2)
    upload = matcher.commit(digest, 2, newer)
    second, before = matcher.runs.all(digest)
    assert (before.id, before.round, second.round) == (first, 1, 2)
    assert second.queued > before.queued
    with matcher.database.reading() as connection:
        chosen = choose_uploads(connection, digest, 2).uploads
        earlier = choose_uploads(connection, digest, 1).uploads
    assert [one.round for one in chosen] == [1, 2]
    assert chosen[1].upload == upload
    assert [one.round for one in earlier] == [1, 1]


def test_the_operator_queues_what_is_there_and_not_twice(matcher):
    agreement = agreement_of(3)
    digest = matcher.admit(agreement)
    matcher.open_round(digest, 1)
    first, second, third = files_of(agreement, 3, people=30)
    with pytest.raises(NotReadyError, match="0 has"):
        matcher.runs.queue(digest)
    matcher.commit(digest, 1, first)
    with pytest.raises(NotReadyError, match="two agencies"):
        matcher.runs.plan(digest)
    matcher.commit(digest, 1, second)
    assert matcher.runs.all(digest) == []
    run = matcher.runs.queue(digest)
    assert matcher.runs.queue(digest) == run
    matcher.commit(digest, 1, third)
    assert [view.id == run for view in matcher.runs.all(digest)] == [False, True]


def test_runs_are_found_by_agreement_alone(matcher):
    digest, run = matcher.ready(people=30)
    other = matcher.admit(agreement_of(2, id_="other"))
    view = matcher.runs.one(digest, run)
    assert (view.state, view.round, view.onto, view.reason) == ("queued", 1, None, "")
    assert view.progress == Progress("waiting", 0, 0)
    assert matcher.runs.all(other) == []
    for strange in ((other, run), (digest, "0" * 32), ("0" * 64, run)):
        with pytest.raises(MissingError):
            matcher.runs.one(*strange)
        with pytest.raises(MissingError):
            matcher.runs.cancel(*strange)
        with pytest.raises(MissingError):
            matcher.runs.result(*strange, "agency0")
    assert matcher.runs.find_agreement("test") == digest
    with pytest.raises(MissingError, match="matcher admit"):
        matcher.runs.find_agreement("unheard-of")


def test_a_run_that_waits_is_cancelled_at_once_and_for_good(matcher):
    digest, run = matcher.ready(people=30)
    cancelled = matcher.runs.cancel(digest, run)
    assert cancelled.state == "cancelled"
    assert cancelled.ended == int(matcher.clock().timestamp())
    assert matcher.runs.cancel(digest, run) == cancelled
    assert matcher.take() is None
    assert matcher.events() == []
    with pytest.raises(MissingError, match="no result"):
        matcher.runs.result(digest, run, "agency0")
    with pytest.raises(MissingError, match="cancelled"):
        matcher.runs.outcome(digest, run)


def test_a_run_that_is_carried_out_is_asked_to_stop(matcher):
    digest, run = matcher.ready(people=30)
    lease = matcher.take()
    assert matcher.runs.cancel(digest, run).state == "queued"
    assert matcher.carrying.is_cancelled(lease)
    assert matcher.carrying.keep(lease, 60, Progress("linking"))
    matcher.carrying.cancel(lease)
    matcher.carrying.cancel(lease)  # the answer to the first may have been lost
    assert matcher.runs.one(digest, run).state == "cancelled"


def test_a_run_that_has_ended_is_not_cancelled(matcher):
    digest, run = matcher.ready(people=30)
    lease = matcher.take()
    matcher.carrying.fail(lease, "It could not be done.")
    matcher.carrying.fail(lease, "It could not be done.")
    with pytest.raises(ConflictError, match="is failed"):
        matcher.runs.cancel(digest, run)
    view = matcher.runs.one(digest, run)
    assert (view.state, view.reason) == ("failed", "It could not be done.")
    assert not matcher.job(run).cancelled


def test_a_run_that_is_asked_to_stop_does_not_fail(matcher):
    digest, run = matcher.ready(people=30)
    lease = matcher.take()
    matcher.runs.cancel(digest, run)
    for _ in range(2):  # the answer to the first may have been lost
        matcher.carrying.fail(lease, "It could not be done.")
    view = matcher.runs.one(digest, run)
    assert (view.state, view.reason) == ("cancelled", "")


@pytest.mark.usefixtures("no_report")
def test_results_wait_for_those_who_took_part(matcher):
    digest, run = matcher.ready()
    with pytest.raises(NotReadyError, match="is queued"):
        matcher.runs.result(digest, run, "agency0")
    with pytest.raises(NotReadyError, match="is queued"):
        matcher.runs.outcome(digest, run)
    assert matcher.worker().run_next(never)
    assert matcher.runs.result(digest, run, "agency0") != matcher.runs.result(
        digest, run, "agency1"
    )
    with pytest.raises(MissingError, match="no result for you"):
        matcher.runs.result(digest, run, "operator")
    with pytest.raises(ConflictError, match="is finished"):
        matcher.runs.cancel(digest, run)


def test_what_goes_into_a_run_is_read_strictly(matcher):
    digest, run = matcher.ready(people=30)
    with matcher.database.reading() as connection:
        inputs = choose_uploads(connection, digest, 1)
    content = inputs.content()
    assert parse_inputs(content, run) == inputs
    for wrong in (
        content + b" ",
        content.replace(b'"round":1', b'"round":"1"'),
        content.replace(b'"rows"', b'"Rows"'),
        content.replace(b'"sha256":"', b'"sha256":"x'),
    ):
        assert wrong != content
        with pytest.raises(VerificationError):
            parse_inputs(wrong, run)
