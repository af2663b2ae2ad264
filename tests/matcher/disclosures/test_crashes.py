"""Killed before or after its commit, a move is there with its event or isn't there at all."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from linkage.protocol.disclosure.messages import (
    Approval,
    Opening,
    Recall,
    Return,
    digest_of,
    sign_message,
)
from matcher.ledger.verifying import verify_stored_log
from matcher.store.tables import disclosure_messages, disclosures
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import ANALYST, HUB
from tests.linkage.protocol.parties import CARE, POLICE
from tests.matcher.disclosures.worlds import World

ALL = {"police": 1, "care": 1, "health": 1}
BEFORE, AFTER = 0, 1


class Crashing:
    """The process that forks senders which die."""

    def __init__(self, url: str, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.matcher.disclosures.crasher", url, str(folder)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def send(self, at: int, what: str, party: str, id_: str, body: bytes | str) -> str:
        text = body if isinstance(body, str) else base64.b64encode(body).decode()
        self._process.stdin.write(f"{at} {what} {party} {id_} {text}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        self._process.stdin.close()
        assert self._process.wait() == 0


@pytest.fixture
def crashing(database_url: str, world: World, tmp_path: Path) -> Iterator[Crashing]:
    world.run({"ann": ALL})
    world.services.database.close()
    crashing = Crashing(database_url, tmp_path)
    yield crashing
    crashing.close()


def require_whole(world: World) -> int:
    """Assert that every message has its event and every event its message; return how many."""
    verify_stored_log(world.services.database, LOG.verifier)
    with world.services.database.reading() as connection:
        leaves = connection.execute(select(disclosure_messages.c.leaf)).scalars().all()
        states = connection.execute(select(disclosures.c.state)).scalars().all()
        messages = connection.execute(
            select(func.count()).select_from(disclosure_messages)
        ).scalar_one()
    ended = sum(state in ("expired", "superseded") for state in states)
    assert len(world.events()) == messages + ended
    assert len(set(leaves)) == messages
    world.services.database.close()
    return messages + ended


def test_killed_around_its_commit_every_move_is_whole(world: World, crashing: Crashing):
    def moved(what: str, party, content: bytes | str, id_: str = "-") -> None:
        """Die before the commit, then after it, then send once more: it is there once."""
        before = require_whole(world)
        assert crashing.send(BEFORE, what, party.name, id_, content) == "killed"
        assert require_whole(world) == before
        assert crashing.send(AFTER, what, party.name, id_, content) == "killed"
        assert require_whole(world) == before + 1
        assert crashing.send(99, what, party.name, id_, content) == "done"
        assert require_whole(world) == before + 1

    made = sign_message(world.proposal(world.evidence("ann")), ANALYST)
    moved("propose", ANALYST, made)
    id_ = digest_of(made)
    for own in (POLICE, CARE):
        moved("enter", own, sign_message(Approval(id_, world.now), own), id_)
    release, sealed = world.released(id_, POLICE)
    assert crashing.send(AFTER, "seal", "police", id_, sealed["hub"]) == "killed"
    moved("enter", POLICE, release, id_)
    opening = Opening(id_, world.now, {"police": digest_of(sealed["hub"])})
    moved("enter", HUB, sign_message(opening, HUB), id_)
    recall = sign_message(Recall(id_, world.now, "Wrong.", {world.pseudonyms("ann")[0]: ()}), CARE)
    moved("enter", CARE, recall, id_)
    returned = sign_message(Return(id_, world.now, digest_of(recall)), HUB)
    moved("enter", HUB, returned, id_)
    assert world.case(id_).life.state == "recalled"
    world.proposed("ann")
    moved("look", POLICE, "14")
