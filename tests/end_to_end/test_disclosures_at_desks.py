"""A disclosure with what the commands are made of, over HTTP, on each kind of database.

The files that the agencies link and the commands themselves are in test_disclosures; here a run is
made up, so that it costs a second, and what is looked at is what clients and matcher say to each
other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agency_client.disclosures import moving, opening, proposing, releasing
from agency_client.disclosures.office import Office
from agency_client.disclosures.own_records import OwnFiles
from agency_client.disclosures.proposing import Wish
from agency_client.disclosures.reading import read_disclosure
from agency_client.keystore.store import OpenKeystore
from agency_client.matcher_api.connection import Connection
from agency_client.matcher_api.disclosures import DisclosuresApi
from agency_client.matcher_api.place import MatcherPlace
from agency_client.reading.source import file_source
from linkage.errors import NotReadyError, PolicyError
from linkage.protocol.keys import Identity
from matcher.ledger.verifying import verify_stored_log
from matcher.store.database import Database
from tests.agency_client.disclosures.scene import HEADER
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST, HUB
from tests.linkage.protocol.parties import CARE, HEALTH, POLICE
from tests.matcher.api.serving import Matcher, running
from tests.matcher.disclosures.worlds import World, token

ALL = {"police": 1, "care": 1, "health": 1}


@pytest.fixture
def matcher(database: Database) -> Iterator[Matcher]:
    with running(database) as found:
        yield found


class Desks:
    """Everybody's keystore, connection and files."""

    def __init__(self, folder: Path, matcher: Matcher) -> None:
        self.folder = folder
        self.matcher = matcher
        self.offices: list[Office] = []

    def office(self, own: Identity) -> Office:
        place = MatcherPlace(self.matcher.url, LOG.verifier)
        store = OpenKeystore(self.folder / f"{own.name}.keys", own, bytes(32))
        connection = Connection(place, store, clock=self.matcher.clock)
        api = DisclosuresApi(connection, AGREEMENT.digest())
        self.offices.append(Office(api, AGREEMENT, own, self.matcher.clock))
        return self.offices[-1]

    def files(self, own: Identity, surname: str) -> OwnFiles:
        """Write an agency's extract with the one record that is asked for, and its map."""
        extract, own_map = (self.folder / f"{own.name}.{end}" for end in ("csv", "parquet"))
        row = f"a1,Ada,{surname},2011-03-14,1 High Street,Leeds,LS1 1AA\n"
        extract.write_text(HEADER + row, encoding="utf-8")
        tokens = [token(f"ann {own.name} 0")]
        pq.write_table(pa.table({"record_token": tokens, "record_id": ["a1"]}), own_map)
        columns = self.folder / "columns.toml"
        columns.write_text('[fields]\ntown = "city"\n')
        return OwnFiles(file_source(extract), own_map, columns)

    def close(self) -> None:
        for office in self.offices:
            office.api.connection._http.close()


@pytest.fixture
def desks(tmp_path: Path, matcher: Matcher) -> Iterator[Desks]:
    World(matcher.services, matcher.clock).run({"ann": ALL})
    found = Desks(tmp_path, matcher)
    yield found
    found.close()


def test_from_the_proposal_to_the_recall(desks: Desks, tmp_path: Path):
    analyst, police, care, hub = map(desks.office, (ANALYST, POLICE, CARE, HUB))
    (entry,) = proposing.all_clusters(analyst)
    wish = Wish({entry.cluster: "several"}, "MACE 12", "Seen together with others at risk.")
    digest = proposing.propose(analyst, proposing.draft(analyst, wish)).case.digest
    for office in (police, care):
        case, files = read_disclosure(office, digest).case, desks.files(office.own, "Byron")
        with pytest.raises(NotReadyError):
            releasing.prepare(office, case, files)
        moving.approve(office, case)
    for office, surname in ((police, "Byron"), (care, "King")):
        case = read_disclosure(office, digest).case
        files = desks.files(office.own, surname)
        releasing.release(office, releasing.prepare(office, case, files))
    opened = opening.unseal(hub, read_disclosure(hub, digest).case)
    opening.open_into(hub, opened, tmp_path / "opened", "For MACE 12.")
    (table,) = opened.tables
    assert table.agencies == ("care", "police")
    assert [row.values for row in table.rows if row.field == "surname"] == [(("King",), ("Byron",))]
    moving.recall(
        desks.office(HEALTH), read_disclosure(desks.office(HEALTH), digest).case, "Two.", ()
    )
    with pytest.raises(PolicyError):
        opening.unseal(hub, read_disclosure(hub, digest).case)
    moving.give_back(hub, read_disclosure(hub, digest).case)
    assert read_disclosure(analyst, digest).case.life.outstanding == frozenset()
    verify_stored_log(desks.matcher.services.database, LOG.verifier)
