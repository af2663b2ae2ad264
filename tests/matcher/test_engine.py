"""The engine keeps order, says how far it is, and stops at once with nothing half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from linkage.encodings import Encodings, GroupLayout, Header
from linkage.protocol.agreement import parse_agreement
from matcher.engine import thread_engine
from tests.matcher.test_cli import AGREEMENT, as_bytes
from tests.synthetic import random_bits


@pytest.mark.parametrize("tiles", [0, 1, 7, 100])
def test_results_come_in_order_and_every_tile_is_reported(tiles):
    reported = []
    with thread_engine(lambda *step: reported.append(step)) as map_tiles:
        results = list(map_tiles(lambda tile: (time.sleep(tile % 3 / 1000), tile)[1], range(tiles)))
    assert results == list(range(tiles))
    assert reported == [(done, tiles) for done in range(1, tiles + 1)]


def test_results_do_not_pile_up():
    begun = []
    with thread_engine(lambda *_: None) as map_tiles:
        results = map_tiles(begun.append, range(1000))
        next(results)
        time.sleep(0.05)
        assert len(begun) < 200


def test_an_exception_stops_the_tiles_that_have_not_begun():
    begun, leave = [], threading.Event()

    def tile(number):
        begun.append(number)
        leave.wait(5)

    def interrupted():
        with thread_engine(lambda *_: None) as map_tiles:
            results = map_tiles(tile, range(1000))
            threading.Timer(0.05, leave.set).start()
            next(results)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(begun) < 200


# Whoever runs the tests in the background may have them, and all they start, ignore interrupts.
WITH_A_SIGN = """
import signal
import sys
from contextlib import contextmanager
from types import SimpleNamespace
import matcher.cli

@contextmanager
def says_when_it_begins():
    yield SimpleNamespace(add_task=lambda *_, **__: 0, update=lambda *_, **__: print(flush=True))

signal.signal(signal.SIGINT, signal.default_int_handler)
matcher.cli._progress = says_when_it_begins
matcher.cli.main()
"""


def test_an_interrupt_ends_a_long_scan_within_a_second(tmp_path):
    (tmp_path / "agreement.toml").write_text(AGREEMENT, encoding="utf-8")
    digest = parse_agreement(AGREEMENT, "").scheme.digest()
    layout = tuple(GroupLayout(name, 256) for name in "ABCD")
    rng, rows = np.random.default_rng(1), 150_000  # half a minute's work
    for agency in ("a", "b"):
        tokens = rng.integers(0, 256, (rows, 16), dtype=np.uint8)
        bits, present = random_bits(rng, rows, 4, 4), np.ones((rows, 4), bool)
        file = Encodings(Header(agency, digest, layout), tokens, bits, present)
        (tmp_path / f"{agency}.arrow").write_bytes(as_bytes(file))
    before = sorted(tmp_path.iterdir())
    words = ["link", "a.arrow", "b.arrow", "--agreement", "agreement.toml", "--out", "run"]
    process = subprocess.Popen(
        [sys.executable, "-c", WITH_A_SIGN, *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.strip() == "matcher: stopped"
    assert time.monotonic() - started < 3  # a second, and what a busy machine adds
    assert sorted(tmp_path.iterdir()) == before
