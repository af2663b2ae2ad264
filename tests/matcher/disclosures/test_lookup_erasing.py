"""Lookups go when their agreement says so, whatever else is kept, and the log says so."""

from __future__ import annotations

import hashlib

from sqlalchemy import insert, select

from linkage.audit.events import parse_event
from linkage.protocol.standing import sign_agreement
from matcher.ledger.verifying import verify_stored_log
from matcher.lookups import rows
from matcher.store.tables import log_events, lookup_answers, lookups
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT, ROLES, changed, parse
from tests.matcher.disclosures.worlds import World

LASTING = parse(
    changed(('id = "trial"', 'id = "lasting"'), ("disclosures_days = 30", "disclosures_days = 300"))
)
"""An agreement that lets what is told be kept for longer."""


def lookup(number: int, agreement=AGREEMENT, until: int = 0, state: str = "closed") -> dict:
    id_ = hashlib.sha256(f"{agreement.digest()} {number}".encode()).hexdigest()
    return {
        "id": id_, "agreement": agreement.digest(), "asker": "police", "request": b"it",
        "lodged": until - 3600, "until": until, "state": state,
    }  # fmt: skip


def put(world: World, *found: dict) -> None:
    with world.services.database.writing() as connection:
        connection.execute(insert(lookups), list(found))


def kept(world: World) -> set[str]:
    with world.services.database.reading() as connection:
        return set(connection.execute(select(lookups.c.id)).scalars())


def erasures(world: World):
    query = select(log_events.c.event).order_by(log_events.c.leaf)
    with world.services.database.reading() as connection:
        found = [parse_event(bytes(data)) for data in connection.execute(query).scalars()]
    return [event for event in found if event.kind == "records.erased"]


def test_a_lookup_goes_when_its_days_are_over(world: World):
    closing, own = world.services.closing, lookup(1, until=world.now)
    put(world, own, lookup(2, until=world.now + 1))
    with world.services.database.writing() as connection:
        rows.put_answer(connection, own["id"], "care", b"an answer")
    (first, _) = world.services.schedule.of(AGREEMENT)
    assert (first.what, first.id, first.of) == ("lookup", own["id"], "police")
    assert first.until == world.now + 30 * 86_400
    world.clock.forward(days=30, seconds=-1)
    assert closing.plan() == closing.erase_due() == 0
    world.clock.forward(seconds=1)
    assert closing.plan() == closing.erase_due() == 1
    assert closing.plan() == closing.erase_due() == 0
    assert kept(world) == {lookup(2)["id"]}
    with world.services.database.reading() as connection:
        assert not connection.execute(select(lookup_answers)).all()
    (event,) = erasures(world)
    assert (event.counts, event.digests) == ({"lookups": 1}, {"request": own["id"]})
    assert event.justification == "The agreement lets it be kept for 30 days"
    verify_stored_log(world.services.database, LOG.verifier)


def test_what_another_agreement_keeps_keeps_nothing_else(small_world: World):
    """However many older ones there are that aren't due for long."""
    world = small_world
    signed = {own.name: sign_agreement(LASTING, own) for own in ROLES}
    world.services.admission.admit(LASTING, signed)
    put(world, *(lookup(number, LASTING, until=world.now - number) for number in range(1001)))
    put(world, lookup(1, until=world.now))
    world.clock.forward(days=30)
    assert world.services.closing.erase_due() == 1
    assert len(kept(world)) == 1001


def test_nothing_is_erased_that_was_not_closed(small_world: World):
    world, closing = small_world, small_world.services.closing
    put(world, lookup(1, until=world.now, state="lodged"))
    world.clock.forward(days=30)
    assert closing.plan() == 1
    assert closing.erase_due() == 0
    assert closing.close_due() == 1
    assert closing.erase_due() == 1
