"""How many signed requests a matcher answers: ``python -m tests.benchmarks.requests``.

Small requests (GET /v1/agreements) by several callers at once, over HTTP on this machine, against a
matcher in a process of its own on SQLite, with every nonce on disk before its request is heard;
first alone, then while other callers store something with every request.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx2

from matcher.app.building import utc_now
from matcher.store.database import Database
from matcher.store.migrating import migrate
from tests.databases import open_database
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.parties import CARE, POLICE
from tests.matcher.api.messages import answers, commitment
from tests.matcher.api.serving import running
from tests.matcher.api.signing import Request


def serve(folder: Path, port: multiprocessing.Queue[int], stop: multiprocessing.Event) -> None:
    database: Database = open_database(f"sqlite:///{folder / 'matcher.sqlite'}")
    migrate(database)
    with running(database, utc_now, requests_per_second=10_000, burst=10_000) as matcher:
        matcher.admit()
        matcher.sign_all()
        port.put(matcher.port)
        stop.wait()


def ask(url: str, seconds: float, make: Callable[[int], Request]) -> list[float]:
    """Send requests for a while; return how long each took, in seconds."""
    took, end = [], time.perf_counter() + seconds
    with httpx2.Client(trust_env=False, timeout=60) as http:
        while time.perf_counter() < end:
            request = make(len(took))
            begun = time.perf_counter()
            answer = http.request(
                request.method, url + request.url.removeprefix(url),
                headers=request.headers, content=request.body,
            )  # fmt: skip
            took.append(time.perf_counter() - begun)
            assert answer.status_code < 300, answer.text
    return took


def reader(url: str) -> Callable[[int], Request]:
    return lambda _: Request("GET", f"{url}/v1/agreements", int(time.time())).signed_by(POLICE)


def writer(url: str) -> Callable[[int], Request]:
    """Answers that differ each time, which are stored anew each time."""
    path = f"{url}/v1/agreements/{AGREEMENT.digest()}/rounds/1/answers"

    def make(number: int) -> Request:
        body = answers(CARE, versions={"try": f"{threading.get_ident()}-{number}"})
        return Request("PUT", path, int(time.time()), body=body).signed_by(CARE)

    return make


def measure(url: str, readers: int, writers: int, seconds: float) -> None:
    found: dict[str, list[float]] = {"read": [], "stored": []}

    def run(name: str, make: Callable[[int], Request]) -> None:
        found[name] += ask(url, seconds, make)

    threads = [threading.Thread(target=run, args=("read", reader(url))) for _ in range(readers)]
    threads += [threading.Thread(target=run, args=("stored", writer(url))) for _ in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, took in found.items():
        if took:
            ranks = statistics.quantiles(took, n=100)
            print(
                f"{readers} readers, {writers} writers: {name} {len(took) / seconds:,.0f}/s, "
                f"median {statistics.median(took) * 1e3:.1f} ms, p99 {ranks[98] * 1e3:.1f} ms"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    chosen = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    port, stop = context.Queue(), context.Event()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        server = context.Process(target=serve, args=(Path(folder), port, stop))
        server.start()
        url = f"http://127.0.0.1:{port.get()}"
        path = f"{url}/v1/agreements/{AGREEMENT.digest()}/secret/commitment"
        first = Request("PUT", path, int(time.time()), body=commitment(POLICE)).signed_by(POLICE)
        httpx2.put(path, headers=first.headers, content=first.body).raise_for_status()
        for readers, writers in ((1, 0), (20, 0), (5, 15)):
            measure(url, readers, writers, chosen.seconds)
        stop.set()
        server.join()


if __name__ == "__main__":
    main()
