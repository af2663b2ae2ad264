"""How long the console's pages take beside a log of many events.

``python -m tests.benchmarks.console --events 1000000`` fills a log, asks for each page over HTTP on
loopback, and prints the median and the slowest in milliseconds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from linkage.audit.events import Event
from matcher.ledger.about import event_about
from matcher.ledger.searching import PAGE
from matcher.store.migrating import migrate
from tests.databases import open_database
from tests.linkage.protocol.agreements import AGREEMENT, OFFICER, ROLES
from tests.matcher.api.serving import BEGIN, Matcher, running
from tests.matcher.console.visiting import Visitor, visitor

_BATCH = 20_000
_KINDS = ("results.read", "disclosure.approved", "disclosure.opened", "upload.committed",
          "lookup.lodged", "run.finished", "disclosure.proposed")  # fmt: skip
_RARE = 50_000
_PARTIES = [own.name for own in ROLES]


def made(number: int) -> Event:
    """Return an event: now and then a rare one, a few seconds after the one before."""
    kind = "log.exported" if number % _RARE == 0 else _KINDS[number * 5 % len(_KINDS)]
    party = _PARTIES[number * 11 // 3 % len(_PARTIES)]
    at = BEGIN + timedelta(seconds=7 * number)
    return event_about(AGREEMENT, kind, party, at, justification="As the meeting has agreed")


def fill(matcher: Matcher, events: int) -> None:
    """Enter events, in large pieces."""
    for start in range(0, events, _BATCH):
        with matcher.services.ledger.recording() as recording:
            for number in range(start, min(start + _BATCH, events)):
                recording.append(made(number))


def pages(matcher: Matcher, events: int) -> Iterator[tuple[str, str]]:
    """Yield names and addresses, among them the worst that can be asked of the search."""
    last = BEGIN + timedelta(seconds=7 * events)
    middle = BEGIN + timedelta(seconds=7 * events // 2)
    deep = f"{int(middle.timestamp())}-{events // 2}"
    yield from ((path, path) for path in ("/", "/agreement", "/rounds", "/runs", "/disclosures"))
    yield from ((path, path) for path in ("/retention", "/refused"))
    yield "/log", "/log"
    yield "/log/events/N", f"/log/events/{events // 2}"
    yield "log, in the middle", f"/log?before={deep}"
    yield "log, the way back", f"/log?after={deep}"
    yield "log, one verb and party", "/log?verb=decision&party=care"
    yield "log, what is rare", "/log?kind=log.exported"
    yield "log, what isn't there", "/log?kind=log.exported&party=nobody"
    yield "log, one day", f"/log?since={middle:%Y-%m-%d}&until={middle:%Y-%m-%d}&party=police"
    yield "log, a day without events", f"/log?since={last + timedelta(days=9):%Y-%m-%d}"
    yield "log, a purpose in the middle", f"/log?purpose=safeguarding&before={deep}"


def measured(own: Visitor, address: str, times: int) -> tuple[float, float]:
    """Return the median and the slowest of several requests, in milliseconds."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        answer = own.get(address)
        taken.append(1000 * (time.perf_counter() - begun))
        assert answer.status_code == 200, answer.text
    return statistics.median(taken), max(taken)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=11)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{Path(folder) / 'matcher.sqlite'}")
        migrate(database)
        with running(database, requests_per_second=10_000, burst=10_000) as matcher:
            matcher.admit()
            matcher.sign_all()
            begun = time.perf_counter()
            fill(matcher, given.events)
            print(f"{given.events:,} events entered in {time.perf_counter() - begun:.0f} s")
            own = visitor(matcher, OFFICER)
            print(f"{'page':32}{'median ms':>12}{'slowest ms':>12}   ({PAGE} events a page)")
            for name, address in pages(matcher, given.events):
                median, slowest = measured(own, address, given.times)
                print(f"{name:32}{median:12.0f}{slowest:12.0f}", flush=True)
        database.close()


if __name__ == "__main__":
    main()
