"""Killed at every step of an upload: what was acknowledged is there, and nothing is done twice."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from linkage.encodings import read_encodings
from linkage.receipts import verify_receipt
from matcher.ledger.verifying import verify_stored_log
from matcher.objects.folder import Folder
from matcher.store.database import Database
from matcher.store.tables import committed_uploads, uploads
from matcher.uploads import rows
from matcher.uploads.tidying import tidy_uploads
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT
from tests.matcher.upload_crasher import AGENCY, data_of, done
from tests.matcher.uploading import NOW, admit, logged, open_round, parts_of, service, sha256

MOST_STEPS = 400


class World:
    """A database and a folder; every attempt has a round of its own, and a file of its own."""

    def __init__(self, database: Database, url: str, folder: Path, crasher: Any) -> None:
        self.database = database
        self.objects = Folder(folder)
        self.round = 1
        self._url = url
        self._folder = folder
        self._crasher = crasher

    def next_round(self) -> None:
        self.round += 1
        open_round(self.database, self.round)

    def do(self, what: str, at: int = -1, *, fit: bool = True) -> tuple[dict[str, Any], bool]:
        """Do something, in a child that dies at a step if ``at`` isn't negative.

        Returns what it told, and whether it died.
        """
        order = {"do": what, "at": at, "fit": fit, "round": self.round}
        if at < 0:
            lines: list[dict[str, Any]] = []
            done(service(self.database, self.objects), order, lambda **told: lines.append(told))
            return _together(lines), False
        order |= {"url": self._url, "folder": str(self._folder)}
        self._crasher.stdin.write(json.dumps(order) + "\n")
        self._crasher.stdin.flush()
        answer = json.loads(self._crasher.stdout.readline())
        return _together(answer["told"]), answer["killed"]

    def events(self) -> Counter[str]:
        verify_stored_log(self.database, LOG.verifier)
        return Counter(kind for kind, _ in logged(self.database))

    def committed(self) -> list[str]:
        with self.database.reading() as connection:
            query = select(committed_uploads.c.upload).where(
                committed_uploads.c.round == self.round
            )
            return list(connection.execute(query).scalars())

    def states(self) -> dict[str, str]:
        with self.database.reading() as connection:
            query = select(uploads.c.id, uploads.c.state).where(uploads.c.round == self.round)
            return {row.id: row.state for row in connection.execute(query)}

    def require_parts(self, upload: str, numbers: list[int]) -> None:
        """Assert that acknowledged parts are there, byte for byte."""
        parts = parts_of(data_of(self.round))
        with self.database.reading() as connection:
            found = rows.find(connection, upload)
            stored = rows.parts_of(connection, upload)
        assert found is not None
        assert set(numbers) <= set(stored)
        for number, digest in stored.items():
            assert digest == sha256(parts[number])
            assert self.objects.get(found.key(number, digest)) == parts[number]


def _together(lines: list[dict[str, Any]]) -> dict[str, Any]:
    told: dict[str, Any] = {"parts": [one["part"] for one in lines if "part" in one]}
    for one in lines:
        told |= {name: value for name, value in one.items() if name != "part"}
    return told


@pytest.fixture(scope="module")
def crasher() -> Iterator[Any]:
    command = [sys.executable, "-m", "tests.matcher.upload_crasher"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    yield process
    process.communicate()


@pytest.fixture
def world(database: Database, database_url: str, tmp_path: Path, crasher: Any) -> World:
    admit(database)
    (tmp_path / "objects").mkdir()
    return World(database, database_url, tmp_path / "objects", crasher)


def at_every_step(world: World, attempt: Callable[[int], bool]) -> int:
    """Make an attempt that dies at step 0, 1, 2 … until one survives; returns how many died."""
    for at in range(MOST_STEPS):
        if not attempt(at):
            return at
        world.next_round()
    raise AssertionError


def test_killed_at_any_step_an_upload_goes_on(world: World):
    outcomes: Counter[str] = Counter()

    def attempt(at: int) -> bool:
        before = world.events()["upload.committed"]
        told, killed = world.do("commit", at)
        committed = world.committed()
        assert world.events()["upload.committed"] - before == len(committed)
        if "receipt" in told:
            assert committed == [told["opened"]]
        if "opened" in told:
            world.require_parts(told["opened"], told["parts"])
        outcomes["committed" if committed else "open" if world.states() else "nothing"] += 1

        again, _ = world.do("commit")
        if "opened" in told:
            assert again["opened"] == told["opened"]
            assert not set(told["parts"]) & set(again["parts"])
        assert "receipt" in again, again
        if "receipt" in told:
            assert again["receipt"] == told["receipt"]
        receipt = verify_receipt(again["receipt"].encode(), "it", AGREEMENT, AGENCY, LOG.verifier)
        assert world.committed() == [receipt.manifest.upload]
        assert world.events()["upload.committed"] - before == 1
        with service(world.database, world.objects).open_file(receipt.manifest.upload) as file:
            assert len(read_encodings(file, "it")) == 800
        return killed

    steps = at_every_step(world, attempt)
    # Deaths before the upload was opened, while parts came, and after the commit.
    assert len(outcomes) == 3
    assert steps > 25


def test_killed_at_any_step_a_refusal_is_recorded_once(world: World):
    def attempt(at: int) -> bool:
        before = world.events()["upload.refused"]
        sent, _ = world.do("send", fit=False)
        assert len(sent["parts"]) == 2
        _, killed = world.do("commit", at, fit=False)
        states = list(world.states().values())
        assert world.events()["upload.refused"] - before == states.count("refused")

        if states == ["open"]:
            again, _ = world.do("commit", fit=False)
            assert again["error"] == "UnfitError"
        assert list(world.states().values()).count("refused") == 1
        assert world.events()["upload.refused"] - before == 1
        assert world.committed() == []
        return killed

    assert at_every_step(world, attempt) > 5
    tidy_uploads(world.database, world.objects, 7, NOW)
    assert list(world.objects.list()) == []


def test_killed_at_any_step_an_abandoned_upload_is_there_or_gone(world: World):
    outcomes: Counter[tuple[str, ...]] = Counter()

    def attempt(at: int) -> bool:
        sent, _ = world.do("send")
        _, killed = world.do("abandon", at)
        states = tuple(world.states().values())
        outcomes[states] += 1
        if states:
            world.require_parts(sent["opened"], sent["parts"])
            world.do("abandon")
        assert not world.states()
        return killed

    at_every_step(world, attempt)
    assert set(outcomes) == {("open",), ()}
    tidy_uploads(world.database, world.objects, 7, NOW)
    assert list(world.objects.list()) == []


def test_tidying_after_kills_leaves_what_is_committed(world: World, tmp_path: Path):
    """Of many attempts that died, with all that they left lying about."""
    for at in range(1, 30, 4):
        world.do("commit", at)
        world.next_round()
    world.do("commit")
    later = NOW + timedelta(days=30)
    tidy_uploads(world.database, world.objects, 7, later)
    # Drafts have the time of this machine, which is later than the test's.
    world.objects.forget_drafts(time.time() + 1)
    assert not list((tmp_path / "objects" / ".drafts").iterdir())
    with world.database.reading() as connection:
        query = select(committed_uploads.c.upload)
        committed = set(connection.execute(query).scalars())
    assert {key.split("/")[1] for key in world.objects.list("uploads")} == committed
    with world.database.reading() as connection:
        assert set(connection.execute(select(uploads.c.id)).scalars()) == committed
