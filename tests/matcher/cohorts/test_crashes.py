"""Killed at any change, nothing acknowledged is lost, and no event is without what it is about."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from linkage.protocol.canonical import canonical_json
from linkage.protocol.settings import settings
from matcher.ledger.verifying import verify_stored_log
from matcher.store.tables import cohorts, payloads
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.parties import CARE
from tests.matcher.cohorts.worlds import CohortWorld

MOST_STEPS = 12


class Crashing:
    """The process that forks children which die."""

    def __init__(self, url: str, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.matcher.cohorts.crasher", url, str(folder)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def do(self, at: int, what: str, party: str, body: bytes = b"-") -> str:
        text = base64.b64encode(body).decode()
        self._process.stdin.write(f"{at} {what} {party} {text}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        self._process.stdin.close()
        assert self._process.wait() == 0


@pytest.fixture
def crashing(database_url: str, world: CohortWorld, tmp_path: Path) -> Iterator[Crashing]:
    world.services.database.close()
    crashing = Crashing(database_url, tmp_path)
    yield crashing
    crashing.close()


def require_whole(world: CohortWorld) -> None:
    """Assert that rows, events and objects say the same."""
    verify_stored_log(world.services.database, LOG.verifier)
    with world.services.database.reading() as connection:
        states = connection.execute(select(payloads.c.state, payloads.c.leaf)).all()
        kept = connection.execute(select(cohorts.c.data)).scalars().all()
    committed = [leaf for state, leaf in states if state != "open"]
    assert len(world.run_events("payload.committed")) == len(committed)
    assert len(world.run_events("cohort.pulled")) == len(kept)
    gone = [state for state, _ in states if state == "erased"] + [own for own in kept
                                                                  if own == "erased"]  # fmt: skip
    assert len(world.run_events("records.erased")) == len(gone)
    world.services.database.close()


def test_killed_at_any_change_everything_is_whole(world: CohortWorld, crashing: Crashing):
    sealed = world.sealed(CARE)
    body, asked = canonical_json(settings(sealed.body)), world.asked()

    def done(what: str, party: str, content: bytes = b"-") -> None:
        """Die at every step in turn, each time on what the one before has left."""
        for at in range(MOST_STEPS):
            said = crashing.do(at, what, party, content)
            require_whole(world)
            if said != "killed":
                assert said == "done 0"
                return
        raise AssertionError(f"{what} has no end")

    done("put", "care", sealed.pieces[0])
    done("commit", "care", body)
    done("pull", "analyst", asked)
    (entry,) = world.services.cohorts.visible(AGREEMENT, "analyst").cohorts
    world.map(entry.id)
    world.services.cohorts.piece(AGREEMENT, "analyst", entry.id, "care", 0)
    world.services.database.close()
    done("erase", "matcher")
    assert not {key for key in world.objects() if key.startswith("payloads/")}
    assert not {key for key in world.objects() if entry.id in key}
