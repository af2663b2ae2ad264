"""What is erased and when, and that the log says so, no sooner than it is true."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from linkage.audit.events import Event, parse_event
from linkage.errors import NotReadyError
from matcher.ledger.ledger import Ledger
from matcher.ledger.verifying import verify_stored_log
from matcher.objects.bucket import Bucket
from matcher.objects.failures import ObjectsError
from matcher.objects.folder import Folder
from matcher.objects.objects import Objects
from matcher.retention.days import DAY
from matcher.retention.purge import Purge, Purged, require_done
from matcher.store.database import Database
from matcher.store.migrating import migrate
from matcher.store.tables import jobs, log_events, nonces, runs, uploads
from matcher.uploads.tidying import tidy_uploads
from tests.databases import open_database
from tests.linkage.audit.made_up import LOG
from tests.matcher.service_data import PARTIES, Data, fill, made_up_agreement

pytest_plugins = ["tests.matcher.buckets"]
NOW = 1000 * DAY
OLD, YOUNG = NOW - 31 * DAY, NOW - 29 * DAY


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Data]:
    """Give an empty matcher on SQLite, for what doesn't depend on the database."""
    database = open_database(f"sqlite:///{tmp_path / 'small.sqlite'}")
    migrate(database)
    (tmp_path / "objects").mkdir()
    yield Data(database, Folder(tmp_path / "objects"), Ledger(database, LOG))
    database.close()


@pytest.fixture
def data(database: Database, tmp_path: Path) -> Data:
    return Data(database, Folder(tmp_path / "objects"), Ledger(database, LOG))


def due_and_young(data: Data) -> tuple[list[str], list[str]]:
    """Fill a matcher; return the prefixes that are due, and those that aren't."""
    data.admit(made_up_agreement())
    old = [data.upload("police", OLD), data.upload("social_care", NOW - 30 * DAY)]
    young = [data.upload("health", NOW - 30 * DAY + 1)]
    ran = [data.run(old, OLD), data.run(old, NOW - 30 * DAY)]
    later = [data.run(young, YOUNG)]
    due = [f"uploads/{one}" for one in old] + [f"runs/{one}" for one in ran]
    return due, [f"uploads/{one}" for one in young] + [f"runs/{one}" for one in later]


def purger(data: Data, objects: Objects | None = None, now: int = NOW) -> Purge:
    return Purge(
        data.database,
        data.ledger,
        objects or data.objects,
        lambda: datetime.fromtimestamp(now, UTC),
        lambda at: tidy_uploads(data.database, objects or data.objects, 7, at),
    )


def marks(database: Database) -> dict[str, str]:
    with database.reading() as connection:
        found = connection.execute(select(uploads.c.id, uploads.c.state)).all()
        ran = connection.execute(select(runs.c.id, runs.c.data)).all()
    return {f"uploads/{id_}": state for id_, state in found} | {
        f"runs/{id_}": state for id_, state in ran
    }


def erasures(database: Database) -> list[Event]:
    with database.reading() as connection:
        found = connection.execute(select(log_events.c.event).order_by(log_events.c.leaf))
        events = [parse_event(bytes(data)) for data in found.scalars()]
    return [event for event in events if event.kind == "records.erased"]


def test_what_is_due_is_erased_and_nothing_else(data: Data):
    due, young = due_and_young(data)
    before = {key: data.objects.get(key) for prefix in young for key in data.objects.list(prefix)}
    assert purger(data).purge() == Purged(uploads=2, runs=2)
    assert {key: data.objects.get(key) for key in data.objects.list()} == before
    found = marks(data.database)
    assert {found[prefix] for prefix in due} == {"erased"}
    assert [found[prefix] for prefix in young] == ["committed", "kept"]
    verify_stored_log(data.database, LOG.verifier)


def test_the_log_says_what_was_erased(data: Data):
    due_and_young(data)
    with data.database.reading() as connection:
        announced = set(connection.execute(
            select(uploads.c.sha256).where(uploads.c.agency != "health")
        ).scalars())  # fmt: skip
    purger(data).purge()
    found = erasures(data.database)
    assert {event.digests["file"] for event in found[:2]} == announced
    assert [event.counts for event in found] == [{"rows": 100}] * 2 + [{"runs": 1}] * 2
    assert {(event.party, event.agreement.digest) for event in found} == {("hub", data.agreement)}
    assert "for 30 days" in found[0].justification


def test_a_second_purge_finds_nothing(data: Data):
    due_and_young(data)
    purger(data).purge()
    assert purger(data).purge() == Purged()
    assert len(erasures(data.database)) == 4


def test_every_agreement_has_its_own_days(small: Data):
    small.admit(made_up_agreement(2, PARTIES.replace("30", "60")))
    long = small.upload("police", OLD)
    small.admit(made_up_agreement())
    short = small.upload("police", OLD)
    purger(small).purge()
    found = marks(small.database)
    assert (found[f"uploads/{long}"], found[f"uploads/{short}"]) == ("committed", "erased")


def test_without_days_nothing_is_due(small: Data):
    small.admit(made_up_agreement(retention=""))
    small.upload("police", 0)
    assert purger(small).purge() == Purged()


def test_a_plan_changes_nothing(small: Data):
    due_and_young(small)
    before, keys = marks(small.database), list(small.objects.list())
    assert purger(small).plan() == Purged(uploads=2, runs=2)
    assert (marks(small.database), list(small.objects.list())) == (before, keys)


@pytest.mark.parametrize("state", ["queued", "running"])
def test_what_a_run_uses_stays(data: Data, state: str):
    due, _ = due_and_young(data)
    run = data.run([due[0].removeprefix("uploads/")], YOUNG, state)
    assert purger(data).plan() == Purged(uploads=1, in_use=3)
    purged = purger(data).purge()
    assert purged == Purged(uploads=1, in_use=3)
    with pytest.raises(NotReadyError, match="3 of what is due is used by runs"):
        require_done(purged)
    assert marks(data.database)[due[0]] == "committed"
    with data.database.writing() as connection:
        connection.execute(update(runs).where(runs.c.id == run).values(state="failed", ended=NOW))
        connection.execute(update(jobs).where(jobs.c.run == run).values(state="ended"))
    assert purger(data).purge() == Purged(uploads=1, runs=2)


def test_another_agreements_run_is_in_nobodys_way(small: Data):
    due_and_young(small)
    small.admit(made_up_agreement(2))
    other = small.upload("police", YOUNG)
    small.run([other], YOUNG, "running")
    assert purger(small).purge() == Purged(uploads=2, runs=2)


def test_nonces_are_left_to_the_service(small: Data):
    """Its clock, which judges requests, may be behind the one that a purge goes by."""
    with small.database.writing() as connection:
        connection.execute(insert(nonces).values(value="just expired", expires=NOW - 1))
    purger(small).purge()
    with small.database.reading() as connection:
        assert "just expired" in connection.execute(select(nonces.c.value)).scalars().all()


def test_unfinished_uploads_are_given_up(small: Data):
    small.admit(made_up_agreement())
    small.upload("police", NOW - 8 * DAY, state="open")
    young = small.upload("health", NOW - 6 * DAY, state="open")
    assert purger(small).purge() == Purged(expired=1)
    assert marks(small.database) == {f"uploads/{young}": "open"}
    assert erasures(small.database) == []


def test_half_written_objects_go_after_a_day(small: Data, tmp_path: Path):
    left = tmp_path / "objects" / ".drafts" / "0a1b"
    left.parent.mkdir()
    for age, stays in ((DAY - 60, True), (DAY + 60, False)):
        left.write_bytes(b"half")
        os.utime(left, (NOW - age, NOW - age))
        purger(small).purge()
        assert left.exists() is stays


class Keeping(Folder):
    """A store that doesn't delete."""

    def delete(self, key: str) -> None:
        assert self.size(key)


def test_what_still_exists_is_never_said_to_be_erased(small: Data, tmp_path: Path):
    due, _ = due_and_young(small)
    with pytest.raises(ObjectsError, match="was deleted"):
        purger(small, Keeping(tmp_path / "objects")).purge()
    assert erasures(small.database) == []
    assert marks(small.database)[due[0]] == "erasing"


def test_what_is_only_out_of_reach_is_never_said_to_be_erased(small: Data, tmp_path: Path):
    due, _ = due_and_young(small)
    (tmp_path / "objects").rename(tmp_path / "unmounted")
    with pytest.raises(ObjectsError, match="No such file"):
        purger(small).purge()
    assert erasures(small.database) == []
    (tmp_path / "unmounted").rename(tmp_path / "objects")
    assert purger(small).purge() == Purged(uploads=2, runs=2)
    assert {marks(small.database)[prefix] for prefix in due} == {"erased"}


def test_in_s3(small: Data, bucket_name: str):
    small.objects = Bucket(bucket_name, "matcher")
    _, young = due_and_young(small)
    purger(small).purge()
    left = {key.rsplit("/", 1)[0].removesuffix("/parts") for key in small.objects.list()}
    assert left == set(young)


# What a kill leaves. The child's every step is counted: before and after each object is deleted,
# each transaction begins, and each is committed.


class Switch:
    """Kills this process at the step with a number."""

    def __init__(self, at: int) -> None:
        self._left = at

    def step(self) -> None:
        if self._left == 0:
            os._exit(9)
        self._left -= 1


class KilledFolder(Folder):
    def __init__(self, root: Path, switch: Switch) -> None:
        super().__init__(root)
        self._switch = switch

    def delete(self, key: str) -> None:
        self._switch.step()
        super().delete(key)
        self._switch.step()


def killed_writing(real: Callable, switch: Switch) -> Callable:
    @contextmanager
    def writing(self: Database):
        switch.step()
        with real(self) as connection:
            yield connection
            switch.step()
        switch.step()

    return writing


def purge_until(url: str, folder: Path, at: int) -> bool:
    """Purge in a child that is killed at a step; returns whether it had done before."""
    child = os.fork()
    if child == 0:
        switch = Switch(at)
        Database.writing = killed_writing(Database.writing, switch)
        database = open_database(url)
        data = Data(database, Folder(folder), Ledger(database, LOG))
        try:
            purger(data, KilledFolder(folder, switch)).purge()
            os._exit(0)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, 9}
    return code == 0


def require_truth(data: Data) -> None:
    """Assert that what the log and the rows say of the objects is so."""
    verify_stored_log(data.database, LOG.verifier)
    found, said = marks(data.database), erasures(data.database)
    assert len(said) == sum(mark == "erased" for mark in found.values())
    for prefix, mark in found.items():
        held = len(list(data.objects.list(prefix)))
        whole = 3 if prefix.startswith("uploads/") else 2
        assert {"committed": held == whole, "kept": held == whole, "erased": held == 0}.get(
            mark, True
        ), (prefix, mark, held)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_purge_killed_at_any_step_is_finished_by_the_next(database_url: str, tmp_path: Path):
    """Each kill falls one step later than the one before, on what that one has left."""
    database = open_database(database_url)
    migrate(database)
    data = Data(database, Folder(tmp_path / "objects"), Ledger(database, LOG))
    due, _ = due_and_young(data)
    steps = 0
    while True:
        database.close()  # no connection is shared with the child
        ended = purge_until(database_url, tmp_path / "objects", steps)
        require_truth(data)
        if ended:
            break
        steps += 1
    assert {marks(database)[prefix] for prefix in due} == {"erased"}
    assert len(erasures(database)) == 4
    database.close()
    assert steps > 10


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_from_every_single_kill_the_next_purge_recovers(tmp_path: Path):
    """Each kill falls on a matcher of its own."""
    first = open_database(f"sqlite:///{tmp_path / 'first' / 'matcher.sqlite'}")
    (tmp_path / "first").mkdir()
    migrate(first)
    made = Data(first, Folder(tmp_path / "first" / "objects"), Ledger(first, LOG))
    due, young = due_and_young(made)
    first.close()
    for at in range(0, 200, 3):
        folder = tmp_path / str(at)
        shutil.copytree(tmp_path / "first", folder)
        url = f"sqlite:///{folder / 'matcher.sqlite'}"
        database = open_database(url)
        data = Data(database, Folder(folder / "objects"), Ledger(database, LOG))
        ended = purge_until(url, folder / "objects", at)
        require_truth(data)
        purger(data).purge()
        require_truth(data)
        found = marks(database)
        assert {found[prefix] for prefix in due} == {"erased"}
        assert [found[prefix] for prefix in young] == ["committed", "kept"]
        assert len(erasures(database)) == 4
        database.close()
        if ended:
            break
    assert at > 30


def test_what_is_filled_is_whole(data: Data):
    """The helpers see what they should: a damaged state fails."""
    fill(data.database, data.objects)
    data.objects.delete(next(data.objects.list("runs")))
    with pytest.raises(AssertionError):
        require_truth(data)
