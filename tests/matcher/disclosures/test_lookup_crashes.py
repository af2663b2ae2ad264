"""Killed before or after its commit, a lookup's step is there with its events or isn't at all."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from linkage.audit.events import parse_event
from linkage.protocol.lookups.content import Decision, commit_decision, seal_answer
from linkage.protocol.lookups.messages import (
    Request,
    digest_of,
    sign_answer,
    sign_request,
    verify_request,
)
from linkage.protocol.lookups.record import SALT_BYTES, encoding_size
from matcher.app.building import Services
from matcher.ledger.verifying import verify_stored_log
from matcher.store.tables import log_events, lookup_answers, lookups
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.parties import CARE, HEALTH, POLICE
from tests.matcher.api.serving import Clock
from tests.matcher.disclosures.test_crashes import AFTER, BEFORE, Crashing
from tests.matcher.disclosures.worlds import World
from tests.matcher.lookups.asking import AGREEMENT


@pytest.fixture
def world(services: Services, clock: Clock) -> World:
    return World(services, clock, AGREEMENT)


@pytest.fixture
def crashing(database_url: str, world: World, tmp_path: Path) -> Iterator[Crashing]:
    world.services.database.close()
    crashing = Crashing(database_url, tmp_path)
    yield crashing
    crashing.close()


def stored(world: World) -> tuple[list[str], int, int]:
    """Return kinds of events, lookups and answers; each that needs an event has it."""
    verify_stored_log(world.services.database, LOG.verifier)
    with world.services.database.reading() as connection:
        events = [
            parse_event(own) for own in connection.execute(select(log_events.c.event)).scalars()
        ]
        found = connection.execute(select(lookups)).all()
        answers = connection.execute(select(lookup_answers)).all()
    world.services.database.close()
    kinds = [own.kind for own in events if own.kind.startswith("lookup.")]
    assert kinds.count("lookup.lodged") == len(found)
    assert kinds.count("lookup.closed") == sum(own.state == "closed" for own in found)
    assert kinds.count("lookup.opened") == sum(own.opened is not None for own in found)
    assert kinds.count("lookup.answered") == sum(own.leaf is not None for own in answers)
    return kinds, len(found), len(answers)


def encoding() -> bytes:
    """Return a person whose every bit is zero but for one group that is there."""
    size, groups = encoding_size(AGREEMENT.scheme), len(AGREEMENT.scheme.group)
    return bytes(SALT_BYTES) + b"\1" + bytes(size - SALT_BYTES - 1 if groups else 0)


def asked(now: int) -> bytes:
    return sign_request(
        Request(
            agreement=AGREEMENT.digest(), epoch=1, scheme=AGREEMENT.scheme.digest(),
            encoding=digest_of(encoding()), fields=("surname",), purpose="safeguarding",
            reference="A meeting", necessity="A child is missing", at=now, until=now + 3600,
        ),
        POLICE,
    )  # fmt: skip


def answer_of(own, signed: bytes, now: int) -> bytes:
    _, request = verify_request(signed, "it", AGREEMENT)
    commitment = commit_decision(bytes(32), Decision(digest_of(signed), now, "nothing", 0, ""))
    answer = seal_answer(AGREEMENT, "police", (signed, request), [], commitment, now, own)
    return sign_answer(answer, own)


def text(*contents: bytes) -> str:
    return ".".join(base64.b64encode(own).decode() for own in (*contents, b"", b"")[:2])


def test_killed_around_its_commit_every_step_is_whole(world: World, crashing: Crashing):
    def moved(party: str, id_: str, body: str, added: list[str], at: int = 0) -> None:
        """Die before the commit, then after it, then do it once more: it is there once."""
        before = stored(world)
        assert crashing.send(BEFORE + at, "lookup", party, id_, body) == "killed"
        assert stored(world) == before
        assert crashing.send(AFTER + at, "lookup", party, id_, body) == "killed"
        assert stored(world)[0] == before[0] + added
        assert crashing.send(99, "lookup", party, id_, body) == "done"
        assert stored(world)[0] == before[0] + added

    request = asked(world.now)
    id_ = digest_of(request)
    moved("police", "-", text(request, encoding()), ["lookup.lodged"])
    for own in (CARE, HEALTH):
        moved(own.name, id_, text(answer_of(own, request, world.now)), [])
    assert stored(world)[1:] == (1, 2)
    closed = ["lookup.answered", "lookup.answered", "lookup.closed"]
    moved("care", id_, text(), closed)
    moved("police", id_, text(), ["lookup.opened"])
