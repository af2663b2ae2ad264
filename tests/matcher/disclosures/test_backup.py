"""A backup holds disclosures as they stand: who restores it goes on from there."""

from __future__ import annotations

from pathlib import Path

from matcher.app.building import build_services
from matcher.backups.restoring import Restorer
from matcher.backups.writing import BackupWriter
from matcher.config.settings import UploadSettings
from matcher.objects.folder import Folder
from tests.databases import open_database
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT, HUB
from tests.linkage.protocol.parties import CARE, POLICE
from tests.matcher.api.serving import KEYS
from tests.matcher.disclosures.worlds import World

ALL = {"police": 1, "care": 1, "health": 1}


def test_disclosures_come_back(small_world: World, tmp_path: Path, clock):
    small_world.run({"ann": ALL, "bob": ALL})
    old = small_world.proposed("ann")
    id_ = small_world.proposed("ann", "bob", supersedes=old)
    small_world.approve(id_, POLICE, CARE)
    small_world.release(id_, POLICE)
    services = small_world.services
    files = [small_world.file(one) for one in (old, id_)]
    told = services.disclosures.holdings(AGREEMENT, "care", id_)
    sealed = services.disclosures.sealed(AGREEMENT, "hub", id_, "police")
    BackupWriter(services.database, services.objects, LOG, clock).write(tmp_path / "backup.tar")

    place = open_database(f"sqlite:///{tmp_path / 'elsewhere.sqlite'}")
    objects = Folder(tmp_path / "elsewhere")
    Restorer(place, objects, LOG.verifier).restore(tmp_path / "backup.tar")
    small_world.services = build_services(place, LOG, objects, UploadSettings(), clock, KEYS)
    assert [small_world.file(one) for one in (old, id_)] == files
    assert small_world.services.disclosures.holdings(AGREEMENT, "care", id_) == told
    assert small_world.services.disclosures.sealed(AGREEMENT, "hub", id_, "police") == sealed
    small_world.release(id_, CARE)
    small_world.open(id_, HUB)
    assert small_world.state(id_) == "opened"
    place.close()
