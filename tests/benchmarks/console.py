"""How long the console's pages take beside a log of many events.

``python -m tests.benchmarks.console --events 1000000`` fills a log, asks for each page over HTTP on
loopback, and prints the median and the slowest in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, insert, update

from linkage.audit.checkpoint import Checkpoint, sign_checkpoint
from linkage.audit.events import Event
from linkage.audit.merkle import leaf_hash
from matcher.ledger.about import event_about
from matcher.ledger.index import Sort, count_sort
from matcher.ledger.searching import PAGE
from matcher.ledger.stored_log import StoredLog
from matcher.store.migrating import migrate
from matcher.store.tables import log_checkpoints, log_events, log_head, log_index, log_nodes
from tests.databases import open_database
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT, OFFICER, ROLES
from tests.matcher.api.serving import BEGIN, Matcher, running
from tests.matcher.console.visiting import Visitor, visitor

_BATCH = 20_000
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_KINDS = ("results.read", "disclosure.approved", "disclosure.opened", "upload.committed",
          "lookup.lodged", "run.finished", "disclosure.proposed")  # fmt: skip
_RARE = 50_000
_PARTIES = [own.name for own in ROLES]


def kind_and_party(number: int) -> tuple[str, str]:
    """Return what an event is, now and then a rare one, and whose."""
    kind = "log.exported" if number % _RARE == 0 else _KINDS[number * 5 % len(_KINDS)]
    return kind, _PARTIES[number * 11 // 3 % len(_PARTIES)]


def made(number: int) -> Event:
    """Return an event, a few seconds after the one before."""
    kind, party = kind_and_party(number)
    at = BEGIN + timedelta(seconds=7 * number)
    return event_about(AGREEMENT, kind, party, at, justification="As the meeting has agreed")


def fill(matcher: Matcher, events: int) -> None:
    """Enter events as the ledger does, but in large pieces and written from few templates.

    What is stored is what the ledger would have stored; ``matcher verify-log`` finds it sound.
    """
    database = matcher.services.database
    with database.writing() as connection:
        log = StoredLog(connection)
        first = log.size(lock=True)
        frontier = log.frontier(first)
    templates: dict[tuple[str, str], dict[str, object]] = {}
    for start in range(first, events, _BATCH):
        with database.writing() as connection:
            leaves, nodes, index = [], [], []
            for number in range(start, min(start + _BATCH, events)):
                kind, party = kind_and_party(number)
                if (kind, party) not in templates:
                    templates[kind, party] = made(number).to_json()
                at = BEGIN + timedelta(seconds=7 * number)
                said = templates[kind, party] | {"at": at.isoformat()[:19] + "Z"}
                data = _CANONICAL.encode(said).encode()
                nodes += frontier.append(leaf_hash(data))
                leaves.append({"leaf": number, "event": data})
                index.append(
                    (number, Sort("trial", kind, said["verb"], party, said["purpose"]), at)
                )
            store(connection, leaves, nodes, index)
            note = sign_checkpoint(Checkpoint(LOG.name, frontier.size, frontier.root()), LOG)
            values = {"size": frontier.size, "note": note.to_bytes()}
            connection.execute(insert(log_checkpoints).values(**values))
            connection.execute(update(log_head).values(size=frontier.size))


def store(
    connection: Connection,
    leaves: list[dict[str, object]],
    nodes: list[tuple[int, int, bytes]],
    index: list[tuple[int, Sort, datetime]],
) -> None:
    """Insert rows of the log and of its index."""
    connection.execute(insert(log_events), leaves)
    rows = [{"level": level, "position": at, "hash": node} for level, at, node in nodes]
    connection.execute(insert(log_nodes), rows)
    counts = Counter(sort for _, sort, _ in index)
    ids = {sort: count_sort(connection, sort, more) for sort, more in counts.items()}
    rows = [
        {"leaf": leaf, "sort": ids[sort], "at": int(at.timestamp())} for leaf, sort, at in index
    ]
    connection.execute(insert(log_index), rows)


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


def measured(own: Visitor, address: str, times: int) -> tuple[float, float, float]:
    """Return the median and the slowest of several requests, and the median of processor time.

    All in milliseconds. The processor's is that of matcher and browser together, which are one
    process here; it says what a request costs on a machine that others keep busy.
    """
    taken, used = [], []
    for _ in range(times):
        begun, worked = time.perf_counter(), time.process_time()
        answer = own.get(address)
        taken.append(1000 * (time.perf_counter() - begun))
        used.append(1000 * (time.process_time() - worked))
        assert answer.status_code == 200, answer.text
    return statistics.median(taken), max(taken), statistics.median(used)


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
            print(f"{'page':32}{'median ms':>12}{'slowest':>12}{'processor':>12}   ({PAGE} events)")
            for name, address in pages(matcher, given.events):
                figures = measured(own, address, given.times)
                print(f"{name:32}" + "".join(f"{one:12.0f}" for one in figures), flush=True)
        database.close()


if __name__ == "__main__":
    main()
