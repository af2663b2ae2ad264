"""Uploads over loopback: ``python -m tests.benchmarks.uploads [--rows N] [--agencies N]``.

A matcher in a process of its own, on SQLite and a folder; agencies in threads of this process send
files of random encodings of the default scheme, 400 bytes a row, each part signed. Printed are the
MB/s of the parts and of all, commit included, and how long small requests take meanwhile.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from linkage.encodings import Encodings, GroupLayout, Header, write_encodings
from linkage.protocol.agreement import Agreement, parse_agreement
from linkage.protocol.keys import Identity
from linkage.protocol.standing import sign_agreement
from linkage.protocol.upload import UploadState, announcement_bytes
from matcher.config.settings import ServiceSettings, UploadSettings
from matcher.store.migrating import migrate
from tests.benchmarks.served import highest_memory, processor_seconds
from tests.databases import open_database
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import PARTIES as _PARTIES
from tests.linkage.protocol.agreements import TEXT
from tests.linkage.protocol.parties import identity
from tests.matcher.api.signing import Request
from tests.matcher.uploading import announcement, manifest, open_round, parts_of
from tests.synthetic import random_bits

PORT = 8461


def agencies(count: int) -> list[Identity]:
    return [identity(f"agency{number}", 100 + 2 * number) for number in range(count)]


def agreement(count: int) -> Agreement:
    """Return an agreement of so many agencies, with groups as long as the default scheme's."""
    more = "".join(
        f'[[party]]\nname = "{own.name}"\nroles = ["agency"]\n'
        f'signing_key = "{own.public.signing_key}"\nsealing_key = "{own.public.sealing_key}"\n'
        for own in agencies(count)
    )
    text = TEXT.replace(_PARTIES, _PARTIES + more).replace("length = 128", "length = 512")
    text = text.replace("2026-01-01", "2020-01-01").replace("2026-12-31", "2099-12-31")
    return parse_agreement(text, "it")


def file_of(own: Identity, rows: int, under: Agreement) -> bytes:
    layout = tuple(GroupLayout(group.name, group.length) for group in under.scheme.group)
    header = Header(own.name, under.scheme.digest(), layout)
    rng = np.random.default_rng(len(own.name))
    words = max(group.length for group in layout) // 64
    tokens = rng.integers(0, 256, (rows, 16), dtype=np.uint8)
    bits = random_bits(rng, rows, len(layout), words)
    sink = io.BytesIO()
    write_encodings(
        sink, header, [Encodings(header, tokens, bits, np.ones((rows, len(layout)), np.bool_))]
    )
    return sink.getvalue()


def serve(folder: Path, count: int, ready: Any) -> None:
    import socket

    from matcher.app.building import WebApp, all_routes, build_services, utc_now
    from matcher.app.serving import server_for
    from matcher.objects.folder import Folder
    from tests.linkage.protocol.agreements import ROLES

    database = open_database(f"sqlite:///{folder / 'matcher.sqlite'}")
    migrate(database)
    (folder / "objects").mkdir()
    services = build_services(database, LOG, Folder(folder / "objects"), UploadSettings(), utc_now)
    under = agreement(count)
    matcher = next(own for own, role in ROLES.items() if role == "matcher")
    services.admission.admit(under, {"it": sign_agreement(under, matcher)})
    for own in (*ROLES, *agencies(count)):
        services.admission.sign(under, own.name, sign_agreement(under, own))
    open_round(database, 1, under)
    settings = ServiceSettings(port=PORT)
    web = WebApp(services, all_routes(services), settings)
    listening = socket.create_server((settings.host, settings.port))
    ready.set()
    server_for(web.asgi, settings).run(sockets=[listening])


class Agency:
    """An agency's client, without verifying answers."""

    def __init__(self, own: Identity, under: Agreement) -> None:
        self.own = own
        self.under = under
        self.http = httpx2.Client(timeout=300, trust_env=False)
        self.base = f"/v1/agreements/{under.digest()}"

    def call(self, method: str, path: str, body: bytes | None = None) -> httpx2.Response:
        url = f"http://127.0.0.1:{PORT}{path}"
        request = Request(method, url, int(time.time()), body).signed_by(self.own)
        answer = self.http.request(method, url, headers=request.headers, content=body)
        if answer.status_code == 503:  # others are being verified
            time.sleep(float(answer.headers["retry-after"]))
            return self.call(method, path, body)
        assert answer.status_code < 300, answer.text
        return answer

    def push(self, data: bytes) -> tuple[float, float]:
        """Send a file; return the seconds of the parts and of all."""
        began = time.perf_counter()
        body = announcement_bytes(announcement(data))
        found = self.call("POST", f"{self.base}/rounds/1/uploads", body).json()
        state = UploadState(**found | {"received": tuple(found["received"])})
        place = f"{self.base}/uploads/{state.id}"
        for number, part in enumerate(parts_of(data, state.part_size)):
            self.call("PUT", f"{place}/parts/{number}", part)
        sent = time.perf_counter()
        signed = manifest(state, data, self.own, agreement=self.under.digest())
        self.call("POST", f"{place}/commit", signed)
        return sent - began, time.perf_counter() - began


def watch(agency: Agency, until: threading.Event) -> list[float]:
    """Ask something small again and again; return the seconds that each answer took."""
    took = []
    while not until.is_set():
        began = time.perf_counter()
        agency.call("GET", "/v1/agreements")
        took.append(time.perf_counter() - began)
        time.sleep(0.02)
    return took


def measure(rows: int, count: int) -> None:
    under = agreement(count)
    owns = agencies(count)
    base = file_of(owns[0], rows, under)
    files = [base, *(file_of(own, rows, under) for own in owns[1:])]
    clients = [Agency(own, under) for own in owns]
    done = threading.Event()
    with ThreadPoolExecutor(count + 1) as pool:
        watched = pool.submit(watch, Agency(identity("police", 11), under), done)
        time.sleep(0.5)
        began = time.perf_counter()
        times = list(pool.map(lambda pair: pair[0].push(pair[1]), zip(clients, files, strict=True)))
        all_of = time.perf_counter() - began
        done.set()
        took = sorted(watched.result())
    size = sum(map(len, files)) / 1e6
    parts = max(parts for parts, _ in times)
    print(f"{count} agencies, {rows:,} rows each, {size:,.0f} MB")
    print(f"  parts {size / parts:,.0f} MB/s; with commit {size / all_of:,.0f} MB/s")
    print(
        f"  small requests meanwhile: {len(took)}, median {1000 * statistics.median(took):.0f} ms, "
        f"p99 {1000 * took[int(0.99 * len(took))]:.0f} ms, most {1000 * took[-1]:.0f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--agencies", type=int, default=1)
    chosen = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    with tempfile.TemporaryDirectory() as folder:
        process = context.Process(target=serve, args=(Path(folder), chosen.agencies, ready))
        process.start()
        ready.wait(60)
        try:
            before = processor_seconds(process.pid), time.process_time()
            measure(chosen.rows, chosen.agencies)
            spent = processor_seconds(process.pid) - before[0], time.process_time() - before[1]
            print(f"  processor: matcher {spent[0]:.1f} s, clients {spent[1]:.1f} s")
            print(f"  the matcher's memory at most: {highest_memory(process.pid):,.0f} MiB")
        finally:
            process.terminate()
            process.join()


if __name__ == "__main__":
    main()
