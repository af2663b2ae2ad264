"""Three agencies through a matcher that serves over HTTP, and nothing of theirs left behind in it.

Everything is as in life: commands, a server with its worker process, SQLite or PostgreSQL, files.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from sqlalchemy import MetaData, select

from agency_client.leakage_files import record_path
from linkage.protocol.upload import leakage_of, open_receipt
from matcher.cli import cli as matcher
from matcher.store.database import Database
from tests.agency_client.parties import PASSPHRASE, ROLES, Office, new_office
from tests.databases import open_database
from tests.end_to_end.test_trust import AGENCIES, CANARIES, forms, write_extracts

_PATIENCE = 120.0
LOG = "canaria.example/log"


@dataclass
class World:
    """Everybody's folders, the matcher's own, and what was drawn and said."""

    office: Office
    folder: Path
    environment: dict[str, str]
    port: int
    drawn: list[bytes] = field(default_factory=list)
    outputs: dict[str, dict] = field(default_factory=dict)

    @property
    def served_log(self) -> Path:
        return self.folder.with_name("serve.log")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def file(self, party: str) -> Path:
        """The party's own copy of the agreement."""
        path = self.office.folder / f"{party}.desk" / "agreement.toml"
        if not path.exists():
            path.parent.mkdir()
            shutil.copy(self.office.agreement, path)
        return path

    def client(self, party: str, *words: object) -> dict:
        found = self.office.run(party, *words, "--format", "json")
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout or "{}")

    def operator(self, *words: object) -> dict:
        found = CliRunner().invoke(matcher, [*map(str, words), "--format", "json"])
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout)

    @contextmanager
    def serving(self) -> Iterator[None]:
        program = Path(sys.executable).with_name("matcher")
        words = [program, "serve", self.folder, "--port", str(self.port)]
        with self.served_log.open("ab") as log:
            process = subprocess.Popen(words, stderr=log, env={**os.environ, **self.environment})
            try:
                self._await(process)
                yield
            finally:
                process.terminate()
                assert process.wait(timeout=60) == 0

    def _await(self, process: subprocess.Popen) -> None:
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until and process.poll() is None:
            try:
                with urlopen(f"{self.url}/healthz", timeout=5):
                    return
            except (URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        raise AssertionError(self.served_log.read_text())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def set_up(world: World) -> None:
    """Make the matcher; everybody makes keys, signs one agreement and shares one secret."""
    made = world.operator("init", world.folder, "--log-name", LOG)
    world.operator("migrate", world.folder)
    linker = world.file("linker")
    world.client("linker", "agreement", "sign", linker, "--yes")
    world.operator("admit", world.folder, linker)
    where = ("--matcher", world.url, "--log-key", made["verifier_key"])
    for party in ROLES:
        world.client(party, "init", "--name", party, *where)


def agree(world: World) -> None:
    """Sign everything, and share the secret."""
    for party in ROLES:
        if party != "linker":
            world.client(party, "agreement", "sign", world.file(party), "--yes")
    for party in AGENCIES:
        world.client(party, "agreement", "status", world.file(party))
    world.client("police", "secret", "create", "--agreement", world.file("police"))
    for party in ("care", "health"):
        world.client(party, "secret", "accept", "--agreement", world.file(party))


def open_round(world: World, number: int) -> None:
    for party in AGENCIES:
        agreement = ("--agreement", world.file(party), "--round", number)
        world.client(party, "secret", "answers", *agreement)


def encode_and_push(world: World, agency: str, name: str = "first") -> None:
    agreement = ("--agreement", world.file(agency))
    encodings = world.file(agency).with_name(f"{name}.arrow")
    world.client(
        agency, "encode", world.office.folder / f"{agency}.csv", *agreement, "--agency", agency,
        "--out", encodings, "--overrule", "these people are invented",
    )  # fmt: skip
    world.client(agency, "push", encodings, *agreement)


def wait_for_run(world: World, name: str) -> None:
    out = ("--wait", "--out", world.office.folder / name)
    world.outputs[name] = world.operator("run", world.folder, "--agreement", "trial", *out)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def world(request, tmp_path_factory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    environment = {}
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        name = f"whole_{secrets.token_hex(8)}"
        server.execute(f"CREATE DATABASE {name}")
        environment["CONCORD_DATABASE_URL"] = server.url(name)
    found = World(Office(folder), folder / "matcher", environment, free_port())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "token_bytes", watching(found.drawn))
        for variable, value in environment.items():
            patch.setenv(variable, value)
        live(found)
        yield found


def watching(drawn: list[bytes]) -> Callable[[int], bytes]:
    """Return what draws bytes as before, and keeps those that could be keys."""
    draw = secrets.token_bytes

    def watched(count: int = 32) -> bytes:
        material = draw(count)
        if count == 32:
            drawn.append(material)
        return material

    return watched


def live(world: World) -> None:
    """Let everybody do their part, from their keys to the verified log."""
    write_extracts(new_office(world.office.folder))
    set_up(world)
    with world.serving():
        agree(world)
        open_round(world, 1)
        for agency in AGENCIES:
            encode_and_push(world, agency)
        wait_for_run(world, "run")
        open_round(world, 2)
        encode_and_push(world, "care", "second")
        wait_for_run(world, "later run")
        for agency in AGENCIES:
            status = world.client(agency, "status", "--agreement", world.file(agency))
            world.outputs[f"{agency} status"] = status
        world.outputs["officer"] = world.client("officer", "log", "verify")
    world.outputs["log"] = world.operator("verify-log", world.folder)


def database_of(world: World) -> Database:
    sqlite = f"sqlite:///{world.folder / 'matcher.sqlite'}"
    return open_database(world.environment.get("CONCORD_DATABASE_URL", sqlite))


def stored(world: World) -> Iterator[tuple[str, bytes]]:
    """Every value of the database, every object, file and log line of the matcher."""
    database = database_of(world)
    with database.reading() as connection:
        tables = MetaData()
        tables.reflect(connection)
        for table in tables.sorted_tables:
            for row in connection.execute(select(table)):
                for name, value in row._mapping.items():
                    content = value if isinstance(value, bytes) else str(value).encode()
                    yield f"{table.name}.{name}", content
    database.close()
    for path in (*sorted(world.folder.rglob("*")), world.served_log):
        if path.is_dir() or path.name in {"log.key", "identity.key"}:
            continue
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content += pq.read_table(path).to_pandas().to_csv().encode()
        if path.suffix == ".arrow":
            content += str(pa.ipc.open_file(path).schema.metadata).encode()
        yield str(path.relative_to(world.folder.parent)), content


def test_the_agencies_records_are_linked(world: World):
    links = pq.read_table(world.office.folder / "run" / "links.parquet")
    assert links.num_rows > 20
    assert world.outputs["run"]["state"] == "finished"


def test_what_agencies_signed_of_leakage_is_what_their_own_reports_say(world: World):
    for agency in AGENCIES:
        encodings = world.file(agency).with_name("first.arrow")
        report = record_path(encodings).read_bytes()
        receipt = encodings.with_name("first.arrow.receipt").read_bytes()
        told = leakage_of(open_receipt(receipt, "it").manifest)
        assert told is not None
        assert told.report == sha256(report).hexdigest()
        assert told.verdict == json.loads(report)["verdict"]


def test_a_later_upload_is_linked_onto_the_earlier_run(world: World):
    model = json.loads((world.office.folder / "later run" / "model.json").read_text())
    assert model["scans_reused"] == [["health", "police"]]
    lineage = pq.read_table(world.office.folder / "later run" / "lineage.parquet")
    assert lineage.num_rows > 20


def test_each_agency_sees_that_it_is_done_and_nothing_of_the_others(world: World):
    said = {agency: world.outputs[f"{agency} status"] for agency in AGENCIES}
    for own in said.values():
        assert own["finished"]
        assert "link" not in json.dumps(own)
    # Both have pushed once; what others hold of theirs makes no difference.
    assert _shape(said["police"]) == _shape(said["health"])


def _shape(value):
    if isinstance(value, dict):
        return {name: _shape(own) for name, own in sorted(value.items())}
    return type(value).__name__


def test_the_log_tells_all_of_it_and_verifies(world: World):
    assert world.outputs["log"]["verified"]
    assert world.outputs["officer"]["verified"]
    by_verb = world.outputs["log"]["by_verb"]
    assert by_verb["collection"] == len(AGENCIES) + 1
    assert by_verb["combination"] == 2


def test_the_search_finds_what_is_there(world: World):
    content = b"".join(content for _, content in stored(world))
    assert b"police" in content
    assert b"known-answers" in content
    assert sum(1 for place, _ in stored(world) if "/objects/" in place) > len(AGENCIES)


def test_nothing_of_anybody_is_left_in_the_matcher(world: World):
    for place, content in stored(world):
        for canary in CANARIES:
            assert canary.encode() not in content.lower(), place


def test_no_key_and_no_passphrase_is_in_the_matcher(world: World):
    assert len(world.drawn) >= 3 * len(ROLES) + 1
    everything = b"\n".join(content for _, content in stored(world))
    assert PASSPHRASE.encode() not in everything
    for key in world.drawn:
        assert not any(form in everything for form in forms(key))


def test_no_line_of_the_service_names_a_party_a_digest_or_a_token(world: World):
    said = world.served_log.read_text()
    assert said.count("\n") > 50
    for name in (*AGENCIES, "trial", LOG):
        assert name not in said.replace("/healthz", "")
    for own in world.outputs["run"].values():
        assert not (isinstance(own, str) and len(own) >= 32 and own in said)
