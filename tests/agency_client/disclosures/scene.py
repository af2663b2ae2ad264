"""A trial agreement with everybody at work: desks on disk, a matcher in memory, a clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner, Result

from agency_client.cli import cli
from agency_client.disclosures.office import Office
from agency_client.keystore.store import OpenKeystore
from agency_client.matcher_api.connection import Connection
from agency_client.matcher_api.disclosures import DisclosuresApi
from agency_client.matcher_api.place import MatcherPlace
from agency_client.signatures import signature_path
from linkage.protocol.keys import Identity
from linkage.protocol.standing import sign_agreement
from tests.agency_client.disclosures.matcher import InMemory
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST, HUB, OFFICER, ROLES, TEXT
from tests.linkage.protocol.disclosure.made_up import NOW, ONE, THREE, TWO
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE

URL = "http://127.0.0.1:9"
HEADER = "record_id,given_name,surname,date_of_birth,address,city,postcode\n"
AGENCIES = {"police": POLICE, "care": CARE, "health": HEALTH}
EVERYBODY = {own.name: own for own in ROLES}
# Nobody's names: those whose cells must not be seen anywhere else are easy to look for.
PEOPLE = {
    "police": ("Ada Maria", "Byron", "14/03/2011"),
    "care": ("Ada", "King", "2011-03-14"),
    "health": ("ADA", "Byron", "2011-03-14"),
}


def token(agency: str, cluster: str) -> bytes:
    return bytes([len(agency)] * 8) + bytes.fromhex(cluster)[:8]


def holdings() -> dict[str, dict[str, tuple[bytes, ...]]]:
    return {
        cluster: {agency: (token(agency, cluster),) for agency in AGENCIES}
        for cluster in (ONE, TWO, THREE)
    }


@dataclass
class Scene:
    """Everybody's desk in one folder, and the matcher between them."""

    folder: Path
    matcher: InMemory = field(default_factory=lambda: InMemory(AGREEMENT, MATCHER, holdings(), NOW))
    offices: dict[str, Office] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.agreement = self.folder / "agreement.toml"
        self.agreement.write_text(TEXT, encoding="utf-8")
        for own in ROLES:
            signature_path(self.agreement, own.name).write_bytes(sign_agreement(AGREEMENT, own))
        (self.folder / "columns.toml").write_text('[fields]\ntown = "city"\n')
        for agency in AGENCIES:
            self._write_extract(agency)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.matcher.now, UTC)

    def store(self, own: Identity) -> OpenKeystore:
        return OpenKeystore(self.folder / f"{own.name}.keys", own, bytes(32))

    def office(self, party: str) -> Office:
        """The party at work, with a connection of its own to the matcher."""
        if party not in self.offices:
            own = EVERYBODY[party]
            connection = Connection(
                MatcherPlace(URL, LOG.verifier), self.store(own), clock=self.now
            )
            connection._http = httpx2.Client(transport=httpx2.MockTransport(self.matcher.answer))
            api = DisclosuresApi(connection, AGREEMENT.digest())
            self.offices[party] = Office(api, AGREEMENT, own, self.now)
        return self.offices[party]

    def close(self) -> None:
        for office in self.offices.values():
            office.api.connection._http.close()

    def own_map(self, agency: str) -> Path:
        return self.folder / f"{agency}.map.parquet"

    def extract(self, agency: str) -> Path:
        return self.folder / f"{agency}.csv"

    def run(self, party: str, *words: object) -> Result:
        """Run a command of the client as a party."""
        common = (
            "--agreement", self.agreement, "--keystore", self.folder / party, "--matcher", URL,
            "--log-key", LOG.verifier,
        )  # fmt: skip
        return CliRunner().invoke(cli, ["disclosures", *map(str, (*words, *common))])

    def _write_extract(self, agency: str) -> None:
        """Write one record for each cluster, and one that nobody asks for; and their map."""
        given, surname, born = PEOPLE[agency]
        rows = [f"{agency}-{n},{given},{surname},{born},{n} High Street,Leeds,LS1 1AA\n"
                for n in (1, 2, 3)]  # fmt: skip
        rows.append(f"{agency}-9,Eve,Bystander,1999-01-01,9 High Street,Leeds,LS1 1AA\n")
        self.extract(agency).write_text(HEADER + "".join(rows), encoding="utf-8")
        tokens = [token(agency, cluster).hex() for cluster in (ONE, TWO, THREE)] + ["f" * 32]
        ids = [f"{agency}-{n}" for n in (1, 2, 3, 9)]
        table = pa.table({"record_token": tokens, "record_id": ids})
        pq.write_table(table, self.own_map(agency))


__all__ = ["ANALYST", "HUB", "OFFICER", "ONE", "THREE", "TWO", "Scene", "token"]
