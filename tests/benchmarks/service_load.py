"""Twenty agencies push 100,000 records each at once, while others ask small things.

    python -m tests.benchmarks.service_load [--agencies 20] [--records 100000] [--rounds 4]
        [--url POSTGRESQL]

A real ``matcher serve`` on loopback, with its own folder of objects and SQLite unless a database is
given; files of random encodings under the default scheme, made before the clock starts. They are
pushed in one round after another, so that enough is asked meanwhile for a 99th percentile. Prints
upload MB/s, in each round from the first announcement to the last receipt, the time of small signed
requests (a list of agreements) before and meanwhile, and the server's memory at its highest.
Clients and server share the machine's cores; the clients, which in life have machines of their
own, yield to it (niceness 10), since the twenty would else keep the server from the cores while
they hash their files. Runs are left to other machines (``[worker] processes = 0``). Where
``TMPDIR`` is a disk, it is also the disk's speed that is measured.

With ``--hostile`` two hundred connections meanwhile drip their heads, stop amid a body, or flood
with used nonces.
"""

from __future__ import annotations

import io
import os
import platform
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click
import numpy as np

from linkage.encodings import Encodings, GroupLayout, Header, write_encodings
from linkage.protocol.agreement import Agreement, parse_agreement
from linkage.protocol.keys import Identity
from matcher.store.database import Database
from tests.benchmarks.callers import OFFICER, Party, push
from tests.benchmarks.hostile import Hostile
from tests.benchmarks.probing import Probe
from tests.benchmarks.served import highest_memory, prepare, processor_seconds, serve
from tests.linkage.protocol.agreements import SCHEME
from tests.linkage.protocol.parties import identity
from tests.matcher.uploading import open_round
from tests.synthetic import random_bits

MEBI = 2**20
# The example's scheme with groups as long as the default scheme's: 400 bytes a row.
DEFAULT_SCHEME = SCHEME.replace("length = 128", "length = 512")


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
            before = highest_memory(process.pid)
            quiet = Probe(host)
            with quiet:
                time.sleep(5)
            print(f"small requests, nothing else: {quiet.end()}")
            taken, own = processor_seconds(process.pid), time.process_time()
            enemy = Hostile(host, everybody[-2]) if hostile else nullcontext()
            load = Load(host, agreement, names, files, database)
            with enemy:
                measure(load, rounds)
            if isinstance(enemy, Hostile):
                print(f"with 200 slow connections and {enemy.refused:,} repeated requests refused")
            taken, own = processor_seconds(process.pid) - taken, time.process_time() - own
            print(f"processor time: {taken:.1f} s of the server's, {own:.1f} s of the clients'")
            print(f"server's memory: {before:,.0f} MiB at first, at most "
                  f"{highest_memory(process.pid):,.0f} MiB")  # fmt: skip
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
        with ThreadPoolExecutor(len(parties), initializer=yield_processor) as pool:
            begun = time.perf_counter()
            receipts = list(
                pool.map(
                    lambda party, data: push(party, self.agreement, data, number),
                    parties,
                    self.files,
                )
            )
            seconds = time.perf_counter() - begun
        assert all(receipts)
        return seconds


def yield_processor() -> None:
    """Let this thread have what others leave of the processor (Linux: else all of the process)."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


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
