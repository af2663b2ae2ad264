"""A matcher's database with agreements, uploads and runs in it, made without the service."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, insert

from linkage.protocol.agreement import Agreement, parse_agreement
from matcher.ledger.ledger import Ledger
from matcher.objects.objects import Objects
from matcher.runs.finished import outcome_of
from matcher.store.database import Database
from matcher.store.tables import (
    agreements,
    committed_uploads,
    jobs,
    nonces,
    results,
    rounds,
    runs,
    upload_parts,
    uploads,
)
from tests.linkage.audit.made_up import LOG, event

PART = 1000
AGREEMENT = Path("examples/safeguarding/agreement.toml")
PARTIES = """
[retention]
encodings_days = 30
disclosures_days = 90
"""


def made_up_agreement(version: int = 1, retention: str = PARTIES) -> Agreement:
    """Return the example's agreement with a matcher and days of retention."""
    text = AGREEMENT.read_text(encoding="utf-8").replace("[scheme]", f"{retention}\n[scheme]", 1)
    text = text.replace("version = 1\n", f"version = {version}\n", 1)
    return parse_agreement(text + '\n[[party]]\nname = "hub"\nroles = ["matcher"]\n', "made up")


@dataclass
class Data:
    """What was put into a matcher."""

    database: Database
    objects: Objects
    ledger: Ledger
    agreement: str = ""
    uploads: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)

    def admit(self, agreement: Agreement) -> str:
        self.agreement = agreement.digest()
        with self.ledger.recording() as recording:
            recording.connection.execute(
                insert(agreements).values(
                    digest=self.agreement,
                    id=agreement.agreement.id,
                    version=agreement.agreement.version,
                    epoch=agreement.agreement.epoch,
                    content=agreement.content(),
                    admitted=1,
                )
            )
            recording.append(event(len(self.uploads), "agreement.in-force"))
        self.open_round(1)
        return self.agreement

    def open_round(self, number: int) -> None:
        with self.database.writing() as connection:
            connection.execute(
                insert(rounds).values(agreement=self.agreement, round=number, opened=2)
            )

    def upload(
        self, agency: str, at: int, *, round_: int = 1, parts: int = 3, state: str = "committed"
    ) -> str:
        """Put an upload with its parts, each of other random bytes, and its event."""
        id_ = secrets.token_hex(16)
        contents = [secrets.token_bytes(PART) for _ in range(parts)]
        for number, content in enumerate(contents):
            digest = sha256(content).hexdigest()
            self.objects.put(f"uploads/{id_}/parts/{number:06}.{digest}", content)
        with self.ledger.recording() as recording:
            self._insert_upload(recording.connection, id_, agency, round_, state, at, contents)
            leaf = recording.append(event(1, "upload.committed"))
            if state == "committed":
                recording.connection.execute(
                    insert(committed_uploads).values(
                        agreement=self.agreement, round=round_, agency=agency, upload=id_,
                        manifest=b"manifest", rows=100, leaf=leaf, committed=at,
                    )
                )  # fmt: skip
        self.uploads.append(id_)
        return id_

    def _insert_upload(
        self,
        connection: Connection,
        id_: str,
        agency: str,
        round_: int,
        state: str,
        at: int,
        contents: list[bytes],
    ) -> None:
        whole = b"".join(contents)
        connection.execute(
            insert(uploads).values(
                id=id_, agreement=self.agreement, round=round_, agency=agency, state=state,
                sha256=sha256(whole).hexdigest(), size=len(whole), part_size=PART, opened=at,
            )
        )  # fmt: skip
        connection.execute(
            insert(upload_parts),
            [
                {"upload": id_, "number": k, "sha256": sha256(part).hexdigest(), "size": PART}
                for k, part in enumerate(contents)
            ],
        )

    def run(self, ids: list[str], at: int, state: str = "finished", onto: str | None = None) -> str:
        """Put a run of uploads, with two files if it has finished."""
        id_ = secrets.token_hex(16)
        outcome = b"{}"
        if state == "finished":
            files = {"links.parquet": secrets.token_bytes(50), "model.json": b"{}"}
            outcome = outcome_of(f"runs/{id_}", files, "ab" * 16).content()
            for path, content in files.items():
                self.objects.put(f"runs/{id_}/{path}", content)
        ended = at if state in {"finished", "failed", "cancelled"} else None
        with self.database.writing() as connection:
            connection.execute(
                insert(runs).values(
                    id=id_, agreement=self.agreement, round=1, state=state, onto=onto,
                    inputs=f'{{"uploads":{ids}}}'.replace("'", '"').encode(), outcome=outcome,
                    queued=at, ended=ended,
                )
            )  # fmt: skip
            connection.execute(
                insert(jobs).values(
                    run=id_, state="ended" if ended else "waiting", lease=1, attempts=1,
                    cancelled=False, stage="links", done=1, total=1,
                )
            )  # fmt: skip
            connection.execute(insert(results).values(run=id_, agency="police", content=bytes(64)))
        self.runs.append(id_)
        return id_


def fill(database: Database, objects: Objects) -> Data:
    """Return a matcher with two versions of an agreement, uploads of every state, and runs."""
    data = Data(database, objects, Ledger(database, LOG))
    data.admit(made_up_agreement(2, PARTIES.replace("30", "60")))
    data.upload("police", 100)
    data.admit(made_up_agreement())
    police, care = data.upload("police", 100), data.upload("social_care", 200)
    data.upload("health", 300, state="open")
    data.upload("health", 300, state="refused")
    first = data.run([police, care], 400)
    data.run([police, care], 500, onto=first)
    data.run([police, care], 600, "failed")
    with database.writing() as connection:
        connection.execute(insert(nonces).values(value="a nonce", expires=10))
    return data
