"""Payload and cohorts go when the agreement says so; a backup holds them until then."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from linkage.errors import MissingError, PolicyError
from matcher.app.building import build_services
from matcher.backups.restoring import Restorer
from matcher.backups.writing import BackupWriter
from matcher.cohorts.erasing import Erased, PayloadErasing
from matcher.config.settings import UploadSettings
from matcher.objects.failures import ObjectsError
from matcher.objects.folder import Folder
from matcher.store.tables import cohort_drafts, cohorts, payload_pieces, payloads
from tests.databases import open_database
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.parties import CARE, POLICE
from tests.matcher.api.serving import KEYS
from tests.matcher.cohorts.erasers import erasing_of
from tests.matcher.cohorts.worlds import CohortWorld


def erasing(world: CohortWorld) -> PayloadErasing:
    return erasing_of(world.services, world.clock)


def rows(world: CohortWorld, *columns):
    with world.services.database.reading() as connection:
        return [tuple(row) for row in connection.execute(select(*columns))]


def test_all_goes_when_its_days_are_over(world: CohortWorld):
    world.push(CARE, POLICE)
    entry = world.pull()
    kept = world.services.schedule.of(AGREEMENT)
    own = {(one.what, one.of) for one in kept if one.what in {"payload", "cohort"}}
    assert own == {("payload", "care"), ("payload", "police"), ("cohort", "analyst")}
    assert {one.until - one.since for one in kept if one.what == "cohort"} == {100 * 86_400}
    world.clock.forward(days=99)
    assert erasing(world).erase() == Erased()
    world.clock.forward(days=1)
    assert erasing(world).plan() == Erased(2, 1, 0)
    assert erasing(world).erase() == Erased(2, 1, 0)
    assert erasing(world).erase() == Erased()
    assert not world.objects()
    assert not {one.what for one in world.services.schedule.of(AGREEMENT)} & {"payload", "cohort"}
    assert rows(world, payloads.c.state, payloads.c.blinding) == [("erased", None)] * 2
    assert rows(world, cohorts.c.data, cohorts.c.key) == [("erased", None)]
    assert not rows(world, payload_pieces.c.number)
    events = world.run_events("records.erased")
    assert [event.counts for event in events] == [{"payloads": 1}] * 2 + [{"cohorts": 1}]
    assert {event.justification for event in events} == {
        "The agreement lets it be kept for 100 days"
    }
    cohort = world.services.cohorts
    with pytest.raises(PolicyError, match="payload_days"):
        cohort.people_map(AGREEMENT, "analyst", entry.id)
    (listed,) = cohort.visible(AGREEMENT, "analyst").cohorts
    assert listed.state == "erased"
    state = world.services.payloads.state(world.digest, "care", 1, "analyst")
    assert (state.state, state.received) == ("erased", {})


def test_a_payload_may_be_erased_before_its_cohort(small_world: CohortWorld):
    world = small_world
    world.push(CARE)
    world.clock.forward(days=50)
    entry = world.pull()
    world.clock.forward(days=50)
    assert erasing(world).erase() == Erased(1, 0, 0)
    with pytest.raises(MissingError, match="payload_days"):
        world.services.cohorts.piece(AGREEMENT, "analyst", entry.id, "care", 0)
    world.map(entry.id)
    later = world.pull()
    assert later.agencies == ()


def test_what_was_begun_and_killed_is_finished(small_world: CohortWorld):
    world = small_world
    world.push(CARE)
    with world.services.database.writing() as connection:
        connection.execute(update(payloads).values(state="erasing"))
    assert erasing(world).erase() == Erased(1, 0, 0)
    assert not world.objects()
    assert len(world.run_events("records.erased")) == 1


def test_what_was_never_finished_is_forgotten(small_world: CohortWorld):
    world = small_world
    world.put(CARE, world.sealed(CARE))
    world.services.objects.put("cohorts/" + "ab" * 16 + "/map." + "cd" * 32, b"a map")
    with world.services.database.writing() as connection:
        connection.execute(insert(cohort_drafts).values(id="ab" * 16, begun=world.now))
    world.clock.forward(hours=23)
    assert erasing(world).erase() == Erased()
    world.clock.forward(days=7)
    assert erasing(world).plan() == Erased(0, 0, 2)
    assert erasing(world).erase() == Erased(0, 0, 2)
    assert not world.objects()
    assert not rows(world, payloads.c.id)


def test_what_a_kill_has_left_of_a_payload_is_found(small_world: CohortWorld, monkeypatch):
    world = small_world
    world.push(POLICE)
    kept = world.objects()
    world.put(CARE, world.sealed(CARE))
    world.clock.forward(days=8)

    def fail(*_) -> None:
        raise ObjectsError("the store is gone")

    with monkeypatch.context() as patch:
        patch.setattr(type(world.services.objects), "delete_below", fail)
        with pytest.raises(ObjectsError):
            erasing(world).erase()
    assert len(rows(world, payloads.c.id)) == 1
    assert world.objects() > kept
    assert erasing(world).erase() == Erased()
    assert world.objects() == kept


def test_a_backup_brings_payload_and_cohorts_back(small_world: CohortWorld, tmp_path: Path, clock):
    world = small_world
    world.push(CARE)
    world.put(POLICE, world.sealed(POLICE))
    entry = world.pull()
    file = world.services.cohorts.file(AGREEMENT, "analyst", entry.id)
    before, services = world.map(entry.id), world.services
    BackupWriter(services.database, services.objects, LOG, clock).write(tmp_path / "backup.tar")

    place = open_database(f"sqlite:///{tmp_path / 'elsewhere.sqlite'}")
    objects = Folder(tmp_path / "elsewhere")
    Restorer(place, objects, LOG.verifier).restore(tmp_path / "backup.tar")
    world.services = build_services(place, LOG, objects, UploadSettings(), clock, KEYS)
    assert world.services.cohorts.file(AGREEMENT, "analyst", entry.id) == file
    assert world.map(entry.id) == before
    sealed = world.services.cohorts.piece(AGREEMENT, "analyst", entry.id, "care", 0)
    assert sealed == services.cohorts.piece(AGREEMENT, "analyst", entry.id, "care", 0)
    assert len(world.objects()) == 3
    place.close()
