"""How long small requests take: asked at fixed times by a process of its own, beside whatever else.

Requests are due at fixed times, 20 a second on four connections, and timed from when they were
due: one that has to wait for the one before isn't left out (coordinated omission).
"""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event

import numpy as np

from tests.benchmarks.callers import OFFICER, Party
from tests.linkage.protocol.parties import identity

PROBES_A_SECOND = 20
PROBING = 4


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
