"""Twenty agencies push 100,000 records each at once, while others ask small things.

    python -m tests.benchmarks.service_load [--agencies 20] [--records 100000] [--rounds 4]
        [--url POSTGRESQL]

A real ``matcher serve`` on loopback, with its own folder of objects and SQLite unless a database is
given; files of random encodings under the default scheme, made and hashed before the clock starts
(twenty clients that hash on the matcher's own cores would be timed instead of it). They are pushed
in one round after another, so that enough is asked meanwhile for a 99th percentile. Prints
upload MB/s, in each round from the first announcement to the last receipt, the time of small signed
requests (a list of agreements) before and meanwhile, and the server's memory at its highest.
Clients and server share the machine's cores; runs are left to other machines (``[worker] processes
= 0``). Where ``TMPDIR`` is a disk, it is also the disk's speed that is measured.

Small requests are due at fixed times, 20 a second on four connections, and timed from when they
were due: one that has to wait for the one before isn't left out (coordinated omission).

With ``--hostile`` two hundred connections meanwhile drip their heads, stop amid a body, or flood
with used nonces.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import multiprocessing
import os
import platform
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Self

import click
import numpy as np

from linkage.encodings import Encodings, GroupLayout, Header, write_encodings
from linkage.protocol.agreement import Agreement, parse_agreement
from linkage.protocol.keys import Identity
from linkage.protocol.standing import sign_agreement
from linkage.protocol.upload import Announcement, Manifest, announcement_bytes, sign_manifest
from matcher.app.building import open_matcher
from matcher.config.creation import create_matcher, plan_matcher
from matcher.config.loading import load_settings
from matcher.store.database import Database
from matcher.store.migrating import migrate
from tests.linkage.protocol.agreements import SCHEME
from tests.linkage.protocol.parties import identity
from tests.matcher.api.signing import Request
from tests.matcher.uploading import closing, open_round
from tests.synthetic import random_bits

MEBI = 2**20
# The example's scheme with groups as long as the default scheme's: 400 bytes a row.
DEFAULT_SCHEME = SCHEME.replace("length = 128", "length = 512")
PROBES_A_SECOND = 20
PROBING = 4
OFFICER = ("officer", 233)


@dataclass
class Party:
    """A caller with a connection of its own, that signs by hand."""

    identity: Identity
    host: str
    http: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.http = http.client.HTTPConnection(self.host, timeout=120)

    def send(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Send a signed request; return status and body. A closed connection is renewed."""
        request = Request(method, f"http://{self.host}{path}", int(time.time()), body)
        headers = request.signed_by(self.identity).headers
        try:
            self.http.request(method, path, body, headers)
            answer = self.http.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.http.close()
            return self.send(method, path, body)
        return answer.status, answer.read()

    def must(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Send and return the body; anything but success ends the benchmark."""
        status, content = self.send(method, path, body)
        if status >= 300:
            raise RuntimeError(f"{method} {path[-30:]}: {status} {content[:300]!r}")
        return content


def make_agreement(agencies: list[Identity]) -> tuple[Agreement, list[Identity]]:
    """Return an agreement of these agencies, and everybody who signs it."""
    operator, officer = identity("operator", 231), identity(*OFFICER)
    roles = {**dict.fromkeys([own.name for own in agencies], "agency"),
             "operator": "matcher", "officer": "dpo"}  # fmt: skip
    everybody = [*agencies, operator, officer]
    parties = "".join(
        f'[[party]]\nname = "{own.name}"\nroles = ["{roles[own.name]}"]\n'
        f'signing_key = "{own.public.signing_key}"\nsealing_key = "{own.public.sealing_key}"\n'
        for own in everybody
    )
    today = date.today()  # noqa: DTZ011 - a day more or less is nothing here
    return parse_agreement(
        f'[agreement]\nid = "load"\ntitle = "Load"\npurpose = "To measure."\n'
        f'purpose_codes = ["measuring"]\nlawful_basis = "None."\nstatutory_gateway = "None."\n'
        f"starts = {today - timedelta(days=9)}\nends = {today + timedelta(days=9)}\n"
        f"{parties}[matching]\nlink = 0.5\n[retention]\nencodings_days = 9\n"
        f"disclosures_days = 9\n{DEFAULT_SCHEME}",
        "load",
    ), everybody


def make_file(agreement: Agreement, agency: str, records: int, seed: int) -> bytes:
    """Return a file of encodings: random, half filled, as diffused ones look."""
    layout = tuple(GroupLayout(group.name, group.length) for group in agreement.scheme.group)
    rng = np.random.default_rng(seed)
    words = max(group.length for group in layout) // 64
    used = np.stack([np.arange(words) < group.length // 64 for group in layout])
    bits = random_bits(rng, records, len(layout), words) * used
    tokens = rng.integers(0, 256, (records, 16), dtype=np.uint8)
    header = Header(agency, agreement.scheme.digest(), layout)
    sink = io.BytesIO()
    everything = np.ones((records, len(layout)), np.bool_)
    write_encodings(sink, header, [Encodings(header, tokens, bits, everything)])
    return sink.getvalue()


def push(party: Party, agreement: Agreement, data: bytes, sha256: str, number: int) -> bytes:
    """Do what an agency's client does: announce, send the parts, commit; return the receipt.

    ``sha256`` is the file's, ``number`` the round.
    """
    base = f"/v1/agreements/{agreement.digest()}"
    announced = announcement_bytes(Announcement(sha256, len(data)))
    state = json.loads(party.must("POST", f"{base}/rounds/{number}/uploads", announced))
    size = state["part_size"]
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    for at, part in enumerate(parts):
        party.must("PUT", f"{base}/uploads/{state['id']}/parts/{at}", part)
    rows, digest = closing(data)
    manifest = Manifest(
        agreement=agreement.digest(), epoch=1, round=number, upload=state["id"], sha256=sha256,
        size=len(data), part_size=size, rows=rows, encodings=digest,
        parts=tuple(hashlib.sha256(part).hexdigest() for part in parts),
    )  # fmt: skip
    signed = sign_manifest(manifest, party.identity)
    place = f"{base}/uploads/{state['id']}/commit"
    while (answer := party.send("POST", place, signed))[0] == 503:
        time.sleep(2)  # others are being verified
    if answer[0] >= 300:
        raise RuntimeError(f"commit: {answer[0]} {answer[1][:300]!r}")
    return answer[1]


class Probe:
    """Asks a small thing again and again, and notes how long each takes, in seconds.

    It is a process of its own: beside the threads that push, it would time their interpreter too.
    It asks only while it is told to.
    """

    def __init__(self, host: str) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._asking = spawn.Event()
        self._ended = spawn.Event()
        self._said: SimpleQueue[list[float]] = spawn.SimpleQueue()
        arguments = (host, self._asking, self._ended, self._said)
        self._process = spawn.Process(target=_ask, args=arguments, daemon=True)
        self._process.start()
        self._said.get()  # it is ready

    def __enter__(self) -> None:
        self._asking.set()

    def __exit__(self, *_: object) -> None:
        self._asking.clear()

    def end(self) -> str:
        """Stop, and say how long the requests took."""
        self._ended.set()
        self._asking.set()
        ms = np.array(self._said.get()) * 1000
        self._process.join()
        return (
            f"{len(ms)} requests: median {np.percentile(ms, 50):.0f} ms, 99th percentile "
            f"{np.percentile(ms, 99):.0f} ms, slowest {ms.max():.0f} ms"
        )


def _ask(host: str, asking: Event, ended: Event, said: SimpleQueue[list[float]]) -> None:
    """Ask until it ends, on several connections; say how long each request took."""
    parties = [Party(identity(*OFFICER), host) for _ in range(PROBING)]
    for party in parties:
        party.must("GET", "/v1/agreements")
    said.put([])
    with ThreadPoolExecutor(PROBING) as pool:
        found = pool.map(lambda n: _ask_on(parties[n], n, asking, ended), range(PROBING))
        said.put([seconds for each in found for seconds in each])


def _ask_on(party: Party, number: int, asking: Event, ended: Event) -> list[float]:
    """Ask on one connection at its share of the fixed times, as long as somebody wants it."""
    taken: list[float] = []
    while not ended.is_set():
        asking.wait()
        due = time.perf_counter() + number / PROBES_A_SECOND
        while asking.is_set() and not ended.is_set():
            time.sleep(max(0.0, due - time.perf_counter()))
            party.must("GET", "/v1/agreements")
            taken.append(time.perf_counter() - due)
            due += PROBING / PROBES_A_SECOND
    return taken


class Hostile:
    """Connections that drip, stop midway, or repeat themselves, until the context ends."""

    def __init__(self, host: str, party: Identity) -> None:
        self._place = (host.split(":", maxsplit=1)[0], int(host.split(":")[1]))
        self._host = host
        self._party = party
        self._ended = threading.Event()
        self.refused = 0

    def __enter__(self) -> Self:
        """Begin; three seconds later they are there."""
        for kind, many in ((self._drip, 1), (self._stop_midway, 1), (self._flood, 2)):
            for _ in range(many):
                threading.Thread(target=kind, daemon=True).start()
        time.sleep(3)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _drip(self) -> None:
        """Keep 100 connections that each send a byte a second."""
        held: list[socket.socket] = []
        while not self._ended.wait(1):
            held = [one for one in held if _tried(lambda one=one: one.send(b"x"))]
            while len(held) < 100:
                held.append(socket.create_connection(self._place))
                held[-1].send(b"GET /v1/agreements HTTP/1.1\r\nX-Slow: ")

    def _stop_midway(self) -> None:
        """Keep 100 connections that announce a body and never send all of it."""
        held: list[socket.socket] = []
        while not self._ended.wait(1):
            held = [one for one in held if _tried(lambda one=one: one.send(b"x" * 10))]
            while len(held) < 100:
                held.append(socket.create_connection(self._place))
                held[-1].send(
                    b"PUT /v1/agreements HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\nxx"
                )

    def _flood(self) -> None:
        """Send one signed request over and over: all but the first must be refused."""
        path = "/v1/agreements"
        request = Request("GET", f"http://{self._host}{path}", int(time.time()))
        headers = request.signed_by(self._party).headers
        connection = http.client.HTTPConnection(self._host, timeout=30)
        while not self._ended.is_set():
            try:
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                answer.read()
                self.refused += answer.status in {401, 429}
            except OSError:
                connection.close()


def _tried(send: object) -> bool:
    try:
        send()  # type: ignore[operator]
    except OSError:
        return False
    return True


def prepare(
    folder: Path, url: str, agreement: Agreement, everybody: list[Identity]
) -> tuple[str, Database]:
    """Make a matcher in which the agreement is in force; return its host and database."""
    create_matcher(folder, plan_matcher(folder, "load.example"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    os.environ |= {
        "CONCORD_SERVICE_PORT": str(port),
        "CONCORD_WORKER_PROCESSES": "0",
        "CONCORD_LOGGING_LEVEL": "warning",
    }
    if url:
        os.environ["CONCORD_DATABASE_URL"] = url
    settings = load_settings(folder, os.environ, {})
    database = Database(settings.database_url)
    migrate(database)
    services = open_matcher(settings)
    own = next(one for one in everybody if one.name == "operator")
    services.admission.admit(agreement, {"its file": sign_agreement(agreement, own)})
    for own in everybody:
        services.admission.sign(agreement, own.name, sign_agreement(agreement, own))
    return f"127.0.0.1:{port}", database


def serve(folder: Path, host: str) -> subprocess.Popen[bytes]:
    """Start the matcher and wait until it is well."""
    command = [sys.executable, "-c", "from matcher.cli import main; main()", "serve", str(folder)]
    process = subprocess.Popen(command)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        time.sleep(0.2)
        connection = http.client.HTTPConnection(host, timeout=5)
        if _tried(lambda connection=connection: connection.request("GET", "/healthz")):
            return process
    raise RuntimeError("the matcher didn't start")


def processor_seconds(process: subprocess.Popen[bytes]) -> float:
    """Return the processor time that the process has taken so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def highest_memory(process: subprocess.Popen[bytes]) -> float:
    """Return the most memory that the process has held so far, in MiB."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


@click.command()
@click.option("--agencies", default=20)
@click.option("--records", default=100_000)
@click.option("--rounds", default=4, help="How often all of them push.")
@click.option("--url", default="", help="An empty PostgreSQL database; SQLite if not given.")
@click.option("--hostile", is_flag=True, help="With callers who would stop it.")
def main(agencies: int, records: int, rounds: int, url: str, hostile: bool) -> None:
    """Measure and print."""
    names = [identity(f"agency-{number}", 20 + 2 * number) for number in range(agencies)]
    agreement, everybody = make_agreement(names)
    files = [make_file(agreement, own.name, records, n) for n, own in enumerate(names)]
    total = sum(map(len, files)) / MEBI
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores; "
          f"{agencies} agencies, {records:,} records each, {total:,.0f} MiB, {rounds} times; "
          f"{'PostgreSQL' if url else 'SQLite'}; {datetime.now(UTC):%Y-%m-%d}")  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "matcher"
        host, database = prepare(folder, url, agreement, everybody)
        process = serve(folder, host)
        try:
            before = highest_memory(process)
            quiet = Probe(host)
            with quiet:
                time.sleep(5)
            print(f"small requests, nothing else: {quiet.end()}")
            taken, own = processor_seconds(process), time.process_time()
            enemy = Hostile(host, everybody[-2]) if hostile else nullcontext()
            load = Load(host, agreement, names, files, database)
            with enemy:
                measure(load, rounds)
            if isinstance(enemy, Hostile):
                print(f"with 200 slow connections and {enemy.refused:,} repeated requests refused")
            taken, own = processor_seconds(process) - taken, time.process_time() - own
            print(f"processor time: {taken:.1f} s of the server's, {own:.1f} s of the clients'")
            print(f"server's memory: {before:,.0f} MiB at first, at most "
                  f"{highest_memory(process):,.0f} MiB")  # fmt: skip
        finally:
            process.terminate()
            process.wait(60)


@dataclass(frozen=True)
class Load:
    """Who pushes what to which matcher."""

    host: str
    agreement: Agreement
    names: list[Identity]
    files: list[bytes]
    database: Database

    def push_all(self, number: int) -> float:
        """Open a round, push all files in it at once, and return how many seconds that took."""
        open_round(self.database, number, self.agreement)
        parties = [Party(own, self.host) for own in self.names]
        digests = [hashlib.sha256(data).hexdigest() for data in self.files]
        with ThreadPoolExecutor(len(parties)) as pool:
            begun = time.perf_counter()
            receipts = list(
                pool.map(
                    lambda party, data, sha256: push(party, self.agreement, data, sha256, number),
                    parties,
                    self.files,
                    digests,
                )
            )
            seconds = time.perf_counter() - begun
        assert all(receipts)
        return seconds


def measure(load: Load, rounds: int) -> None:
    """Push all files, in several rounds, and print how long that and small requests took."""
    probe, seconds = Probe(load.host), []
    for number in range(1, rounds + 1):
        with probe:
            seconds.append(load.push_all(number))
    size = sum(map(len, load.files)) / 1e6
    rates = [size / each for each in seconds]
    print(f"small requests meanwhile: {probe.end()}")
    print(f"all committed in {np.median(seconds):.1f} s: {np.median(rates):.0f} MB/s "
          f"({min(rates):.0f} to {max(rates):.0f})")  # fmt: skip


if __name__ == "__main__":
    main()
