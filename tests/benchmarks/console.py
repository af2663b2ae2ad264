"""How long the console's pages take beside a log of many events and a run of many people.

``python -m tests.benchmarks.console --events 1000000`` fills a log, stores a run of 100,000 people
in three agencies with 300,000 links, and asks for each page over HTTP on loopback. It prints in
milliseconds: the first answer of a matcher that has just been started and has served nothing yet,
each page in a process of its own; then the median and the slowest of more requests to one process.
With ``--unprepared`` the run is one of an earlier release, whose pages were not prepared.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
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
from matcher.objects.folder import Folder
from matcher.objects.keys import lease_objects
from matcher.quality.shown import Wanted
from matcher.runs.chosen import ChosenUpload, RunInputs
from matcher.runs.finished import outcome_of
from matcher.store.database import Database
from matcher.store.migrating import migrate
from matcher.store.tables import (
    jobs,
    log_checkpoints,
    log_events,
    log_head,
    log_index,
    log_nodes,
    rounds,
    run_keys,
    runs,
)
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
_RUN = "0" * 32
_DATABASE, _FILES = "matcher.sqlite", "objects"
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


def store_run(folder: Path, database: Database, *, prepared: bool) -> None:
    """Store a finished run, with what its pages need or without."""
    # What makes runs loads what a matcher that serves hasn't got; the asking processes do without.
    from matcher.quality.deriving import derived
    from matcher.quality.kept import files_of
    from tests.benchmarks.run_pages import PEOPLE, files_of_run
    from tests.matcher.quality.made_up import KEY

    begun = time.perf_counter()
    files = files_of_run()
    if prepared:
        files |= files_of(derived(_RUN, files, KEY))
    below, objects = lease_objects(_RUN, 1), Folder(folder / _FILES)
    for path, content in files.items():
        objects.put(f"{below}/{path}", content)
    inputs = RunInputs(
        tuple(
            ChosenUpload(name, 1, PEOPLE, "0" * 64, 1 << 20, f"{number:032x}")
            for number, name in enumerate(("care", "health", "police"))
        )
    )
    outcome, at = outcome_of(below, files, "0" * 32), int(BEGIN.timestamp())
    with database.writing() as connection:
        digest = AGREEMENT.digest()
        connection.execute(insert(rounds).values(agreement=digest, round=1, opened=at))
        connection.execute(
            insert(runs).values(
                id=_RUN, agreement=digest, round=1, state="finished", queued=at, ended=at,
                inputs=inputs.content(), outcome=outcome.content(),
            )
        )  # fmt: skip
        connection.execute(
            insert(jobs).values(
                run=_RUN, state="ended", lease=1, attempts=1, cancelled=False, stage="", done=0,
                total=0,
            )
        )  # fmt: skip
        connection.execute(insert(run_keys).values(run=_RUN, key=KEY))
    print(f"a run of {PEOPLE:,} people stored in {time.perf_counter() - begun:.0f} s")


def pages(events: int) -> Iterator[tuple[str, str]]:
    """Yield names and addresses, among them the worst that can be asked of the search.

    In place of ``LINK`` stands the name of a link, and of ``CLUSTER`` a pseudonym.
    """
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
    run = f"/runs/{_RUN}"
    yield "run, how good the links are", run
    yield "run, what the model learnt", f"{run}/model"
    yield "run, who is known to whom", f"{run}/people"
    yield "match log", f"{run}/links"
    yield "match log, page 3,000", f"{run}/links?page=3000"
    yield (
        "match log, what is doubtful",
        (f"{run}/links?agency=care&and_agency=police&probability_to=60&order=weakest"),
    )
    yield "match log, one cluster", f"{run}/links?cluster=CLUSTER"
    yield "evidence of a link", f"{run}/links/LINK"
    yield "report of the run, HTML", f"{run}/report.html"
    yield "report of the run, PDF", f"{run}/report.pdf"


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


@contextmanager
def started(folder: Path) -> Iterator[Matcher]:
    """Run a matcher on what lies in a folder."""
    database = open_database(f"sqlite:///{folder / _DATABASE}")
    objects = Folder(folder / _FILES)
    with running(database, objects=objects, requests_per_second=10_000, burst=10_000) as matcher:
        yield matcher
    database.close()


def ask(folder: Path, address: str, times: int) -> None:
    """Print how long a page takes a matcher that has just been started: at first, and then."""
    with started(folder) as matcher:
        own = visitor(matcher, OFFICER)
        figures = *measured(own, address, 1)[::2], *measured(own, address, times)
    print(json.dumps(figures))


def report(folder: Path, events: int, times: int) -> None:
    """Print the figures, each page's from a process of its own."""
    with started(folder) as matcher:
        row = matcher.services.desk.links(AGREEMENT.digest(), _RUN, Wanted(), 3000).rows[7]
    columns = ("first ms", "processor", "then ms", "slowest", "processor")
    print(f"{'page':32}" + "".join(f"{name:>12}" for name in columns) + f"   ({PAGE} events)")
    for name, address in pages(events):
        said = address.replace("LINK", row.name).replace("CLUSTER", row.clusters[0])
        words = ("--ask", said, "--folder", str(folder), "--times", str(times))
        done = subprocess.run(
            [sys.executable, "-m", __spec__.name, *words], check=True, stdout=subprocess.PIPE
        )
        print(f"{name:32}" + "".join(f"{one:12.0f}" for one in json.loads(done.stdout)), flush=True)


def make(folder: Path, events: int, *, prepared: bool) -> None:
    """Fill the database and the store of objects."""
    database = open_database(f"sqlite:///{folder / _DATABASE}")
    migrate(database)
    (folder / _FILES).mkdir()
    with running(database) as matcher:
        matcher.admit()
        matcher.sign_all()
        begun = time.perf_counter()
        fill(matcher, events)
        print(f"{events:,} events entered in {time.perf_counter() - begun:.0f} s")
    store_run(folder, database, prepared=prepared)
    database.close()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=11)
    parser.add_argument("--unprepared", action="store_true")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ask:
        ask(given.folder, given.ask, given.times)
        return
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), given.events, prepared=not given.unprepared)
        report(Path(folder), given.events, given.times)


if __name__ == "__main__":
    main()
