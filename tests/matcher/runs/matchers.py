"""A matcher with an agreement and committed uploads, for tests of what happens then."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, insert, select, update

from linkage.audit.events import parse_event
from linkage.encodings import Encodings
from linkage.protocol.agreement import Agreement, parse_agreement, parse_content
from matcher.jobs.leases import Lease
from matcher.ledger.ledger import Ledger
from matcher.ledger.verifying import verify_stored_log
from matcher.objects.folder import Folder
from matcher.runs.carrying import Carrying
from matcher.runs.service import Runs
from matcher.store.database import Database
from matcher.store.tables import (
    agreements,
    committed_uploads,
    jobs,
    log_events,
    rounds,
    runs,
    uploads,
)
from matcher.worker.working import Worker
from tests.linkage.audit.made_up import LOG
from tests.matcher.test_cli import AGREEMENT as OFFLINE
from tests.matcher.test_cli import as_bytes
from tests.synthetic import make_world

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LEASE_SECONDS = 60
WORDS = (
    OFFLINE
    + """
[[party]]
name = "operator"
roles = ["matcher"]
"""
)


def agreement_of(agencies: int, version: int = 1, id_: str = "test") -> Agreement:
    parties = "".join(f'\n[[party]]\nname = "agency{k}"\n' for k in range(agencies))
    words = (WORDS + parties).replace('id = "test"', f'id = "{id_}"\nversion = {version}')
    return parse_agreement(words, "")


def files_of(agreement: Agreement, agencies: int, people: int = 120, seed: int = 2):
    world = make_world(seed, agencies=agencies, people=people, digest=agreement.scheme.digest())
    return world.files


@dataclass
class Clock:
    """A clock that goes on only when it is told to."""

    now: datetime = BEGIN

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Matcher:
    """One matcher on a database; ``open_upload`` stands in for the uploads' own files."""

    database: Database
    folder: Path
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.database, LOG)
        (self.folder / "objects").mkdir(parents=True, exist_ok=True)
        self.objects = Folder(self.folder / "objects")
        self.runs = Runs(self.database, in_force, self.clock)
        self.carrying = Carrying(self.database, self.ledger, in_force, self.clock)

    def open_upload(self, upload: str) -> IO[bytes]:
        return (self.folder / f"{upload}.arrow").open("rb")

    def worker(self, name: str = "worker", **changes: Any) -> Worker:
        settings = {
            "carrying": self.carrying,
            "objects": self.objects,
            "open_upload": self.open_upload,
            "folder": self.folder / "work",
            "lease_seconds": LEASE_SECONDS,
            "threads": 2,
            "name": name,
        }
        return Worker(**(settings | changes))

    def take(self, worker: str = "worker") -> Lease | None:
        return self.carrying.take(worker, LEASE_SECONDS)

    def admit(self, agreement: Agreement) -> str:
        digest, terms = agreement.digest(), agreement.agreement
        with self.database.writing() as connection:
            connection.execute(
                insert(agreements).values(
                    digest=digest,
                    id=terms.id,
                    version=terms.version,
                    epoch=terms.epoch,
                    content=agreement.content(),
                    admitted=0,
                )
            )
        return digest

    def open_round(self, digest: str, number: int) -> None:
        with self.database.writing() as connection:
            values = {"agreement": digest, "round": number, "opened": 0}
            connection.execute(insert(rounds).values(**values))

    def commit(self, digest: str, round_: int, file: Encodings, *, due: bool = True) -> str:
        """Commit an agency's upload, as the service of uploads does; return its id."""
        content, agency = as_bytes(file), file.header.agency
        sha256 = hashlib.sha256(content).hexdigest()
        upload = hashlib.sha256(f"{digest} {round_} {sha256}".encode()).hexdigest()[:32]
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{upload}.arrow").write_bytes(content)
        common = {"agreement": digest, "round": round_, "agency": agency}
        with self.database.writing() as connection:
            connection.execute(
                insert(uploads).values(
                    **common,
                    id=upload,
                    state="committed",
                    sha256=sha256,
                    size=len(content),
                    part_size=1 << 20,
                    opened=0,
                )
            )
            connection.execute(
                insert(committed_uploads).values(
                    **common, upload=upload, manifest=b"", rows=len(file), leaf=0, committed=0
                )
            )
            if due:
                self.runs.queue_if_due(connection, digest, round_)
        return upload

    def ready(self, agencies: int = 2, **changes: Any) -> tuple[str, str]:
        """Admit an agreement, commit everybody's upload; return its digest and the run's id."""
        agreement = agreement_of(agencies)
        digest = self.admit(agreement)
        self.open_round(digest, 1)
        for file in files_of(agreement, agencies, **changes):
            self.commit(digest, 1, file)
        return digest, self.runs.all(digest)[0].id

    def state(self, run: str) -> str:
        with self.database.reading() as connection:
            return connection.execute(select(runs.c.state).where(runs.c.id == run)).scalar_one()

    def job(self, run: str) -> Any:
        with self.database.reading() as connection:
            return connection.execute(select(jobs).where(jobs.c.run == run)).one()

    def set_job(self, run: str, **values: Any) -> None:
        with self.database.writing() as connection:
            connection.execute(update(jobs).where(jobs.c.run == run).values(**values))

    def events(self) -> list[Any]:
        """Return the events, of a log that verifies."""
        with self.database.reading() as connection:
            query = select(log_events.c.event).order_by(log_events.c.leaf)
            found = [parse_event(data) for data in connection.execute(query).scalars()]
        if found:
            verify_stored_log(self.database, LOG.verifier)
        return found

    def contents(self, digest: str, run: str) -> dict[str, bytes]:
        """Return the stored folder of a finished run, which has nothing but what it says."""
        outcome = self.runs.outcome(digest, run)
        stored = {key: self.objects.get(key) for key in self.objects.list(f"runs/{run}")}
        assert sorted(stored) == sorted(f"{outcome.folder}/{path}" for path in outcome.files)
        for path, expected in outcome.files.items():
            content = stored[f"{outcome.folder}/{path}"]
            assert (hashlib.sha256(content).hexdigest(), len(content)) == (
                expected.sha256, expected.size
            )  # fmt: skip
        return {path: stored[f"{outcome.folder}/{path}"] for path in outcome.files}


def in_force(connection: Connection, digest: str) -> Agreement:
    query = select(agreements.c.content).where(agreements.c.digest == digest)
    return parse_content(connection.execute(query).scalar_one(), "The agreement")


def never() -> bool:
    return False


def model_of(contents: dict[str, bytes]) -> dict[str, Any]:
    return json.loads(contents["model.json"])
