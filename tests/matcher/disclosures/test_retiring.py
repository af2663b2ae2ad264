"""What disclosures hold goes when the agreement lets it be kept no longer, and the log says so."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from linkage.audit.events import parse_event
from linkage.errors import PolicyError
from linkage.protocol.disclosure.messages import sign_message
from matcher.agreements.standings import Standings
from matcher.disclosures.retiring import Retired, Retiring
from matcher.ledger.verifying import verify_stored_log
from matcher.store.tables import cluster_evidence, holdings, log_events, sealed_fields
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST
from tests.linkage.protocol.parties import CARE, HEALTH, POLICE
from tests.matcher.disclosures.worlds import World

ALL = {"police": 1, "care": 1, "health": 1}


@pytest.fixture
def disclosed(world: World) -> tuple[World, str]:
    world.run({"ann": ALL, "bob": ALL})
    id_ = world.proposed("ann")
    world.approve(id_, POLICE, CARE)
    world.release(id_, POLICE)
    return world, id_


def retiring(world: World) -> Retiring:
    services = world.services
    return Retiring(
        services.database, services.ledger, Standings(world.clock).agreement, world.clock
    )


def counts(world: World) -> list[int]:
    with world.services.database.reading() as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (holdings, sealed_fields, cluster_evidence)
        ]


def erasures(world: World):
    with world.services.database.reading() as connection:
        found = connection.execute(select(log_events.c.event).order_by(log_events.c.leaf))
        events = [parse_event(data) for data in found.scalars()]
    return [event for event in events if event.kind == "records.erased"]


def test_what_is_due_is_erased_and_said(disclosed):
    world, id_ = disclosed
    world.clock.forward(days=30, seconds=-1)
    assert retiring(world).plan() == Retired() == retiring(world).retire()
    world.clock.forward(seconds=1)
    assert retiring(world).plan() == Retired(0, 1)
    assert counts(world) == [3, 1, 1]
    assert retiring(world).retire() == Retired(0, 1)
    assert counts(world) == [0, 0, 1]
    (event,) = erasures(world)
    assert (event.digests, event.counts) == ({"proposal": id_}, {"clusters": 1})
    assert "for 30 days" in event.justification
    assert retiring(world).retire() == Retired()
    verify_stored_log(world.services.database, LOG.verifier)


def test_the_messages_stay_and_nothing_more_is_told(disclosed):
    world, id_ = disclosed
    world.clock.forward(days=30)
    retiring(world).retire()
    assert len(world.file(id_).entered) == 4
    disclosures = world.services.disclosures
    for ask in (
        lambda: disclosures.holdings(AGREEMENT, "police", id_),
        lambda: disclosures.sealed(AGREEMENT, "hub", id_, "police"),
        lambda: disclosures.put_sealed(AGREEMENT, "care", id_, "hub", b""),
    ):
        with pytest.raises(PolicyError, match="erased"):
            ask()


def test_what_is_over_is_ended(world: World):
    world.run({"ann": ALL})
    id_ = world.proposed("ann")
    world.clock.forward(days=14)
    assert retiring(world).plan() == Retired(1, 0)
    assert retiring(world).retire() == Retired(1, 0)
    assert world.kinds() == ["proposed", "expired"]
    assert world.state(id_) == "expired"


def test_evidence_that_another_proposal_rests_on_stays(small_world: World):
    small_world.run({"ann": ALL})
    evidence = small_world.evidence("ann")
    first = sign_message(small_world.proposal(evidence, reference="One"), ANALYST)
    propose = small_world.services.disclosures.propose
    propose(AGREEMENT, "analyst", first)
    small_world.clock.forward(seconds=100)
    second = propose(AGREEMENT, "analyst", sign_message(small_world.proposal(evidence), ANALYST)).id
    small_world.approve(second, POLICE, HEALTH)
    small_world.clock.forward(days=30, seconds=-100)
    assert retiring(small_world).retire().erased == 1
    assert counts(small_world)[0] == 3
    small_world.clock.forward(seconds=100)
    assert retiring(small_world).retire().erased == 1
    assert counts(small_world)[0] == 0


def test_evidence_of_which_nothing_came_goes_after_a_day(small_world: World):
    small_world.run({"ann": ALL})
    small_world.evidence("ann")
    assert retiring(small_world).retire() == Retired()
    assert counts(small_world) == [3, 0, 1]
    small_world.clock.forward(days=1)
    retiring(small_world).retire()
    assert counts(small_world) == [0, 0, 0]
