"""A worker carries out runs: what comes out, and what happens when something goes wrong."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select, update

from linkage.protocol.result import RESULT_BYTES, parse_result
from matcher.jobs.leases import MOST_ATTEMPTS, LeaseLostError
from matcher.objects.failures import ObjectsError
from matcher.runs.carrying import Carrying
from matcher.runs.chosen import RunInputs, parse_inputs
from matcher.runs.run import link_files
from matcher.store.failures import DatabaseError
from matcher.store.tables import runs
from matcher.worker import attempt, pulse, working
from matcher.worker.bench import Bench
from matcher.worker.pulse import Pulse
from tests.databases import Server
from tests.matcher.runs.matchers import LEASE_SECONDS, agreement_of, files_of, model_of, never
from tests.matcher.test_cli import as_bytes


def linked_offline(folder, agreement, files, onto=None):
    folder.mkdir()
    paths = [folder / f"{file.header.agency}.arrow" for file in files]
    for path, file in zip(paths, files, strict=True):
        path.write_bytes(as_bytes(file))
    link_files(paths, agreement, folder / "run", lambda _: None, onto)
    run = folder / "run"
    return {
        path.relative_to(run).as_posix(): path.read_bytes()
        for path in run.rglob("*")
        if path.is_file()
    }


def test_a_round_that_is_complete_is_linked_as_offline(matcher, tmp_path):
    digest, run = matcher.ready(3)
    worker = matcher.worker()
    assert worker.run_next(never)
    assert not worker.run_next(never)
    assert matcher.state(run) == "finished"
    contents = matcher.contents(digest, run)
    agreement = agreement_of(3)
    files = files_of(agreement, 3)
    assert contents == linked_offline(tmp_path / "offline", agreement, files)
    started, finished = matcher.events()
    assert (started.kind, finished.kind) == ("run.started", "run.finished")
    assert started.counts == finished.counts
    assert started.counts == {"agencies": 3, "rows": sum(map(len, files)), "round": 1}
    assert set(started.digests) == {"inputs", "parameters"}
    outcome = matcher.runs.outcome(digest, run)
    assert finished.digests == {**started.digests, "outcome": outcome.digest()}
    assert finished.party == "operator"
    for file in files:
        content = matcher.runs.result(digest, run, file.header.agency)
        assert len(content) == RESULT_BYTES
        result = parse_result(content, "it")
        assert (result.run, result.round, result.rows) == (run, 1, len(file))
        assert result.agencies == ("agency0", "agency1", "agency2")
    assert not list((matcher.folder / "work").iterdir())


@pytest.mark.usefixtures("no_report")
def test_what_agencies_see_does_not_depend_on_what_was_found(matcher):
    """Two agencies of the same people, and two of strangers: alike but for ids and digests."""
    seen, links = [], []
    for id_, seeds in (("alike", (2, 2)), ("strangers", (2, 3))):
        agreement = agreement_of(2, id_=id_)
        digest = matcher.admit(agreement)
        matcher.open_round(digest, 1)
        for own, seed in enumerate(seeds):
            file = files_of(agreement, 2, people=200, seed=seed)[own]
            matcher.commit(digest, 1, shortened(file, 100))
        run = matcher.runs.all(digest)[0].id
        assert matcher.worker().run_next(never)
        contents = matcher.contents(digest, run)
        views = [matcher.runs.one(digest, run)]
        results = [parse_result(matcher.runs.result(digest, run, f"agency{k}"), "") for k in (0, 1)]
        events = [(e.kind, e.counts, sorted(e.digests)) for e in matcher.events()[-2:]]
        seen.append(
            (
                [(v.state, v.progress.stage, v.progress.total) for v in views],
                [(r.round, r.agencies, r.rows) for r in results],
                events,
                len(matcher.runs.result(digest, run, "agency0")),
            )
        )
        links.append(pq.read_table(BytesIO(contents["links.parquet"])).num_rows)
    assert links[0] > 10 * links[1]
    assert seen[0] == seen[1]


def shortened(file, rows):
    return type(file)(file.header, file.tokens[:rows], file.bits[:rows], file.present[:rows])


@pytest.mark.usefixtures("no_report")
def test_a_later_run_goes_on_from_the_one_before(matcher, tmp_path):
    agreement = agreement_of(3)
    digest, first = matcher.ready(3)
    assert matcher.worker().run_next(never)
    newer = files_of(agreement, 3, seed=5)[2]
    matcher.open_round(digest, 2)
    matcher.commit(digest, 2, newer)
    second = matcher.runs.all(digest)[0].id
    assert matcher.worker().run_next(never)
    assert matcher.runs.one(digest, second).onto == first
    contents = matcher.contents(digest, second)
    assert model_of(contents)["scans_reused"] == [["agency0", "agency1"]]
    files = files_of(agreement, 3)
    linked_offline(tmp_path / "one", agreement, files)
    whole = linked_offline(
        tmp_path / "two", agreement, [*files[:2], newer], tmp_path / "one" / "run"
    )
    assert contents == whole
    assert [event.kind for event in matcher.events()] == ["run.started", "run.finished"] * 2
    rounds = [parse_result(matcher.runs.result(digest, second, "agency0"), "").round]
    assert rounds == [2]


@pytest.mark.usefixtures("no_report")
def test_of_the_run_before_only_what_is_gone_on_from_is_fetched_and_kept(matcher, monkeypatch):
    digest, first = matcher.ready()
    assert matcher.worker().run_next(never)
    before, folder = matcher.contents(digest, first), matcher.runs.outcome(digest, first).folder
    for name in ("report.html", "links.parquet", "evidence.parquet"):
        matcher.objects.delete(f"{folder}/{name}")
    second, encoded = matcher.runs.queue(digest), []
    monkeypatch.setattr("matcher.runs.linking.scan_file", lambda *_: encoded.append(1))
    assert matcher.worker().run_next(never)
    assert (matcher.runs.one(digest, second).onto, encoded) == (first, [])
    scans = {path: own for path, own in before.items() if path.startswith("scans/")}
    assert scans.items() <= matcher.contents(digest, second).items()
    assert scans


@pytest.mark.usefixtures("no_report")
def test_a_run_whose_outcome_is_erased_is_not_gone_on_from(matcher):
    digest, first = matcher.ready()
    assert matcher.worker().run_next(never)
    with matcher.database.writing() as connection:
        connection.execute(update(runs).where(runs.c.id == first).values(data="erasing"))
    second = matcher.runs.queue(digest)
    assert matcher.worker().run_next(never)
    assert matcher.runs.one(digest, second).onto is None
    assert model_of(matcher.contents(digest, second))["scans_reused"] == []


@pytest.mark.usefixtures("no_report")
def test_a_damaged_folder_of_the_run_before_is_not_believed(matcher):
    digest, first = matcher.ready()
    assert matcher.worker().run_next(never)
    folder = matcher.runs.outcome(digest, first).folder
    matcher.objects.put(f"{folder}/clusters.parquet", b"other clusters")
    second = matcher.runs.queue(digest)
    assert matcher.worker().run_next(never)
    view = matcher.runs.one(digest, second)
    assert (view.state, view.onto) == ("failed", first)
    assert "clusters.parquet isn't what was stored" in view.reason


def test_an_upload_that_was_altered_fails_the_run_at_once(matcher):
    digest, run = matcher.ready(people=60)
    path = next(matcher.folder.glob("*.arrow"))
    path.write_bytes(path.read_bytes()[:-1])
    assert matcher.worker().run_next(never)
    view = matcher.runs.one(digest, run)
    assert view.state == "failed"
    assert "isn't what was stored" in view.reason
    assert [event.kind for event in matcher.events()] == ["run.started"]
    assert not list(matcher.objects.list("runs"))
    assert not list((matcher.folder / "work").iterdir())


@pytest.mark.usefixtures("no_report")
def test_an_agencys_upload_in_anothers_name_fails_the_run(matcher):
    digest, run = matcher.ready(people=60)
    first, second = (matcher.open_upload(one.upload).name for one in inputs_of(matcher, run))
    Path(first).write_bytes(Path(second).read_bytes())
    with matcher.database.writing() as connection:
        lie = parse_inputs(matcher_inputs(connection, run), run)
        same = replace(lie.uploads[0], sha256=lie.uploads[1].sha256)
        content = RunInputs((same, lie.uploads[1])).content()
        connection.execute(update(runs).where(runs.c.id == run).values(inputs=content))
    assert matcher.worker().run_next(never)
    assert "the encodings of another agency" in matcher.runs.one(digest, run).reason


def matcher_inputs(connection, run):
    return connection.execute(select(runs.c.inputs).where(runs.c.id == run)).scalar_one()


def inputs_of(matcher, run):
    with matcher.database.reading() as connection:
        return parse_inputs(matcher_inputs(connection, run), run).uploads


def break_once(monkeypatch, owner, name, error):
    """Let a method raise the first time that it is called."""
    whole, left = getattr(owner, name), [error]

    def broken(*arguments, **more):
        if left:
            raise left.pop()
        return whole(*arguments, **more)

    monkeypatch.setattr(owner, name, broken)


@pytest.mark.usefixtures("no_report")
@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), MemoryError(), ObjectsError("It is full.")],
)
def test_a_full_disk_or_memory_is_waited_for(matcher, monkeypatch, error):
    digest, run = matcher.ready()
    where = (type(matcher.objects), "put") if isinstance(error, ObjectsError) else (Bench, "keep")
    break_once(monkeypatch, *where, error)
    assert matcher.worker().run_next(never)
    assert matcher.state(run) == "running"
    assert matcher.job(run).state == "waiting"
    assert not matcher.worker().run_next(never)
    matcher.clock.wait(60)
    assert matcher.worker().run_next(never)
    assert matcher.state(run) == "finished"
    matcher.contents(digest, run)
    assert [event.kind for event in matcher.events()] == ["run.started", "run.finished"]


@pytest.mark.usefixtures("no_report")
def test_a_run_that_fails_every_time_is_given_up_with_a_sentence(matcher, monkeypatch):
    digest, run = matcher.ready(people=60)

    def fail(*_):
        raise RuntimeError("internal words")

    monkeypatch.setattr(attempt, "link_inputs", fail)
    pauses = []
    for _ in range(MOST_ATTEMPTS):
        assert matcher.worker().run_next(never)
        pauses.append((matcher.job(run).expires or 0) - int(matcher.clock().timestamp()))
        matcher.clock.wait(3600)
    assert pauses[:2] == [20, 40]
    view = matcher.runs.one(digest, run)
    assert view.state == "failed"
    assert view.reason == (
        "An unexpected error (RuntimeError) ended the run; look at the matcher's messages, then "
        "queue a run again."
    )
    assert not matcher.worker().run_next(never)


def test_a_run_that_takes_every_worker_with_it_is_given_up(matcher):
    digest, run = matcher.ready(people=60)
    for _ in range(MOST_ATTEMPTS):
        assert matcher.take("a worker that dies") is not None
        matcher.clock.wait(LEASE_SECONDS)
    assert matcher.worker().run_next(never)
    view = matcher.runs.one(digest, run)
    assert view.state == "failed"
    assert "died at each of 3 attempts" in view.reason
    assert matcher.events() == []


def at_stage(monkeypatch, stage: str, act: Callable[[Pulse], None]) -> None:
    """Act once when a run has done the first step of a stage, if it has steps."""
    step, whole, left = 0 if stage == "linking" else 1, Pulse.note, [act]

    def note(self, progress):
        if left and progress.stage.startswith(stage) and progress.done >= step:
            left.pop()(self)
        whole(self, progress)

    monkeypatch.setattr(Pulse, "note", note)


def until_told(pulse: Pulse) -> None:
    while pulse._reason is None:
        pulse._thread.join(0.005)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr("matcher.worker.pulse.BEAT_SECONDS", 0.02)
    monkeypatch.setattr("linkage.tiling.MOST_TILE_ROWS", 16)
    monkeypatch.setattr("linkage.tiling.BLOCK", 16)  # both agencies are clean
    monkeypatch.setattr("matcher.worker.attempt._PATIENCE_SECONDS", 0.02)


@pytest.mark.usefixtures("no_report", "quick")
@pytest.mark.parametrize("stage", ["comparing", "linking", "writing"])
def test_a_run_is_cancelled_within_seconds(matcher, monkeypatch, stage):
    digest, run = matcher.ready()

    def cancel(pulse):
        assert matcher.runs.cancel(digest, run).state == "running"
        until_told(pulse)

    at_stage(monkeypatch, stage, cancel)
    assert matcher.worker().run_next(never)
    view = matcher.runs.one(digest, run)
    assert (view.state, view.reason) == ("cancelled", "")
    assert not list(matcher.objects.list("runs"))
    assert not list((matcher.folder / "work").iterdir())
    assert [event.kind for event in matcher.events()] == ["run.started"]
    assert matcher.take() is None


@pytest.mark.usefixtures("no_report", "quick")
def test_a_run_that_was_to_stop_never_finishes(matcher, monkeypatch):
    """The cancellation comes after the last look, and before the end."""
    digest, run = matcher.ready()
    whole = Carrying.finish

    def finish(*arguments):
        matcher.runs.cancel(digest, run)
        return whole(*arguments)

    monkeypatch.setattr(Carrying, "finish", finish)
    assert matcher.worker().run_next(never)
    assert matcher.state(run) == "cancelled"


@pytest.mark.usefixtures("no_report", "quick")
def test_a_worker_that_stops_gives_the_run_back_and_another_goes_on(matcher, monkeypatch):
    digest, run = matcher.ready()
    stopping, compared = [], []
    at_stage(monkeypatch, "comparing", lambda pulse: (stopping.append(1), until_told(pulse)))
    count_tiles(monkeypatch, compared)
    assert matcher.worker("one").run_next(lambda: bool(stopping))
    assert (matcher.job(run).state, matcher.job(run).attempts) == ("waiting", 0)
    assert matcher.state(run) == "running"
    assert len(compared) >= 2
    assert matcher.worker("two").run_next(never)
    assert matcher.state(run) == "finished"
    assert len(compared) == len(set(compared))
    matcher.contents(digest, run)


@pytest.mark.usefixtures("no_report", "quick")
@pytest.mark.parametrize("step", ["keep", "is_cancelled"])
def test_a_pulse_goes_on_whatever_happens_to_a_beat(matcher, monkeypatch, step):
    digest, run = matcher.ready()
    break_once(monkeypatch, Carrying, step, ValueError("a bug"))
    log = []
    monkeypatch.setattr(pulse, "log_fault", lambda error: log.append(type(error)))

    def cancel(own):
        while not log:
            assert own._thread.is_alive()
            own._thread.join(0.005)
        matcher.runs.cancel(digest, run)
        while own._reason is None:
            assert own._thread.is_alive()
            own._thread.join(0.005)

    at_stage(monkeypatch, "comparing", cancel)
    assert matcher.worker().run_next(never)
    assert (matcher.state(run), log) == ("cancelled", [ValueError])


def count_tiles(monkeypatch, compared):
    """Note which tiles are kept, by journal."""
    from matcher.engine.journal import TileJournal

    whole = TileJournal.keep

    def keep(self, tile, outcome):
        compared.append((self._beginning, tile))
        whole(self, tile, outcome)

    monkeypatch.setattr(TileJournal, "keep", keep)


@pytest.mark.usefixtures("no_report", "quick")
def test_a_worker_that_is_taken_for_dead_changes_nothing(matcher, monkeypatch):
    """Another takes over while this one writes; both write, and only one outcome counts."""
    digest, run = matcher.ready()
    taken = []

    def overtake(pulse):
        monkeypatch.setattr(Pulse, "check", lambda _: None)  # so slow that it hears nothing
        matcher.clock.wait(LEASE_SECONDS + 1)
        while not matcher.worker("two").run_next(never):  # the first may be quicker and keep it
            matcher.clock.wait(LEASE_SECONDS + 1)
        taken.append(matcher.runs.outcome(digest, run))

    at_stage(monkeypatch, "writing", overtake)
    assert matcher.worker("one").run_next(never)
    assert matcher.runs.outcome(digest, run) == taken[0]
    matcher.contents(digest, run)
    assert [event.kind for event in matcher.events()] == ["run.started", "run.finished"]


@pytest.mark.usefixtures("no_report", "quick")
def test_a_worker_hears_that_it_has_lost_its_run(matcher, monkeypatch):
    _, run = matcher.ready()

    def overtake(pulse):
        lease = None
        while lease is None:  # the first may be quicker and keep its lease
            matcher.clock.wait(LEASE_SECONDS + 1)
            lease = matcher.take("two")
        until_told(pulse)

    at_stage(monkeypatch, "comparing", overtake)
    assert matcher.worker("one").run_next(never)
    job = matcher.job(run)
    assert (job.state, job.lease, job.worker) == ("leased", 2, "two")
    matcher.clock.wait(LEASE_SECONDS + 1)
    assert matcher.worker("three").run_next(never)
    assert matcher.state(run) == "finished"


@contextmanager
def no_database():
    raise DatabaseError("The database can't be used (it is gone).")
    yield


@pytest.mark.usefixtures("no_report", "quick")
@pytest.mark.parametrize("stage", ["reading", "comparing", "writing"])
def test_a_lost_database_loses_no_run(matcher, monkeypatch, stage):
    """It is away for several beats of the pulse, and at the end of the run as well."""
    digest, run = matcher.ready()
    whole, left = type(matcher.database).writing, []

    def writing(self):
        if left:
            left.pop()
            return no_database()
        return whole(self)

    monkeypatch.setattr(type(matcher.database), "writing", writing)
    at_stage(monkeypatch, stage, lambda _: left.extend(range(4)))
    assert matcher.worker().run_next(never)
    assert not left
    assert matcher.state(run) == "finished"
    matcher.contents(digest, run)
    assert [event.kind for event in matcher.events()] == ["run.started", "run.finished"]


@pytest.mark.usefixtures("no_report", "quick")
def test_a_database_that_is_away_while_uploads_are_opened_is_waited_for(matcher):
    _, run = matcher.ready()
    left = [DatabaseError("The database can't be used (it restarts).")] * 3

    def open_upload(upload):
        if left:
            raise left.pop()
        return matcher.open_upload(upload)

    assert matcher.worker(open_upload=open_upload).run_next(never)
    assert (matcher.state(run), matcher.job(run).attempts) == ("finished", 1)


@pytest.mark.usefixtures("no_report", "quick")
@pytest.mark.parametrize("step", ["begin", "finish"])
def test_a_change_whose_answer_was_lost_happens_once(matcher, monkeypatch, step):
    digest, run = matcher.ready()
    whole, left = getattr(Carrying, step), [True]

    def lost(*arguments):
        answer = whole(*arguments)
        if left:
            left.pop()
            raise DatabaseError("The database can't be used (the connection was lost).")
        return answer

    monkeypatch.setattr(Carrying, step, lost)
    assert matcher.worker().run_next(never)
    assert matcher.state(run) == "finished"
    matcher.contents(digest, run)
    assert [event.kind for event in matcher.events()] == ["run.started", "run.finished"]


@pytest.mark.usefixtures("no_report", "quick")
def test_what_came_out_is_kept_where_the_end_itself_looks_like_a_lost_lease(matcher, monkeypatch):
    digest, run = matcher.ready()
    whole = Carrying.finish

    def ended(*arguments):
        whole(*arguments)
        raise LeaseLostError

    monkeypatch.setattr(Carrying, "finish", ended)
    assert matcher.worker().run_next(never)
    assert matcher.contents(digest, run)
    assert not list((matcher.folder / "work").iterdir())


@pytest.mark.usefixtures("no_report", "quick")
def test_connections_that_the_server_ends_lose_no_run(matcher, monkeypatch, request):
    if matcher.database.is_file:
        pytest.skip("SQLite has no connections to lose")
    server: Server = request.getfixturevalue("postgres")
    digest, run = matcher.ready()

    def end_all(_):
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{matcher.database._url.database}'"
        )

    for stage in ("reading", "comparing", "writing"):
        at_stage(monkeypatch, stage, end_all)
    assert matcher.worker().run_next(never)
    assert matcher.state(run) == "finished"
    matcher.contents(digest, run)
    assert [event.kind for event in matcher.events()] == ["run.started", "run.finished"]


@pytest.mark.usefixtures("no_report", "quick")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_process_whose_run_does_not_stop_ends_itself(matcher, monkeypatch):
    digest, run = matcher.ready()
    monkeypatch.setattr(pulse, "GRACE_SECONDS", 0.05)
    ended = []

    def end_process(code):
        ended.append((code, matcher.state(run)))
        raise SystemExit

    def cancel_and_hang(own):
        matcher.runs.cancel(digest, run)
        own._thread.join(10)

    monkeypatch.setattr(pulse.os, "_exit", end_process)
    at_stage(monkeypatch, "linking", cancel_and_hang)
    matcher.worker().run_next(never)
    assert ended == [(0, "cancelled")]


@pytest.mark.usefixtures("no_report", "quick")
def test_what_killed_processes_left_is_swept(matcher):
    digest, run = matcher.ready()
    lease = matcher.take("one that is killed")
    work = matcher.folder / "work"
    for name in (run, f"{run}-7", "e" * 32):
        (work / name / "tiles").mkdir(parents=True)
    matcher.objects.put(f"runs/{run}/{lease.number}/links.parquet", b"half a run")
    worker = matcher.worker()
    worker.sweep()
    assert len(list(work.iterdir())) == 3
    matcher.clock.wait(LEASE_SECONDS)
    shutil.rmtree(work / f"{run}-7")
    assert worker.run_next(never)
    matcher.contents(digest, run)
    matcher.objects.put(f"runs/{run}/{lease.number}/links.parquet", b"late")
    (work / run / "tiles").mkdir(parents=True)
    worker.sweep()
    matcher.contents(digest, run)
    assert [path.name for path in work.iterdir()] == ["e" * 32]


def test_what_follows_from_runs_is_done_at_the_beginning_and_after_each(
    matcher, no_report, monkeypatch
):
    done: list[str] = []

    def follow() -> None:
        done.append(matcher.state(run))
        if len(done) == 1:
            raise DatabaseError("It is busy.")
        if len(done) == 2:
            raise RuntimeError("a fault")

    _, run = matcher.ready()
    worker, end = matcher.worker(after_runs=follow), time.monotonic() + 60
    monkeypatch.setattr(working, "IDLE_SECONDS", 0)
    worker.work(lambda: len(done) > 2 or time.monotonic() > end)
    assert done == ["queued", "queued", "finished"]
