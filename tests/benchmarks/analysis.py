"""How long an analyst waits for an answer from a large cohort, and for a table to be checked.

Usage: python -m tests.benchmarks.analysis [--people 100000] [--events 1000000] [--only overlap]

The cohort is made up (three agencies, half of the links with any probability) and written once,
which isn't timed; opening it, each question, and making a table with its ``release-check`` are. The
later checks compare with the tables before, which are then on record.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from agency_client.cli.cohort.releasing import release_check
from agency_client.cohort import Cohort, open_cohort
from agency_client.cohort.pulling.building import Parts, build_tables
from agency_client.cohort.pulling.directory import write_cohort
from tests.agency_client.cohort.made_up import AGENCIES, AGREEMENT, FACTS, MadeUp

_ESTIMATES = [{**own, "counts_unseen": True} for own in FACTS["estimates"]]
_MEETINGS = ("meeting", "2026Q2")


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--people", type=int, default=100_000)
    asked.add_argument("--events", type=int, default=1_000_000)
    asked.add_argument("--only", action="append", default=[])
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "cohort"
        made = MadeUp(options.people, options.events // len(AGENCIES), seed=1)
        tables = build_tables(Parts(made.map, made.payloads, AGREEMENT.payload))
        write_cohort(place, tables, {**FACTS, "estimates": _ESTIMATES}, AGREEMENT.payload)
        print(", ".join(f"{name} {own.num_rows:,}" for name, own in tables.items()))
        del made, tables
        for name, question in questions(open_cohort(place)).items():
            if not options.only or name in options.only:
                print(f"{name}: {timed(question)}", flush=True)


def questions(cohort: Cohort) -> dict[str, Callable[[], object]]:
    """Return what an analyst may ask, by name."""
    return {
        "open": lambda: open_cohort(cohort.frames.folder),
        "links": lambda: cohort.links,
        "most_concern": lambda: cohort.most_concern(20, event="missing"),
        "absent": lambda: cohort.absent(
            known_to="care", absent_from="police", absent_event="missing"
        ),
        "known_pairs": cohort.known_pairs,
        "overlap": lambda: cohort.overlap("mase", "mace"),
        "network": cohort.network,
        "shared_places": lambda: cohort.shared_places(event="missing"),
        "place_network": lambda: cohort.place_network(event="missing", quarter="2026Q2"),
        "moves": cohort.moves,
        "rates": lambda: cohort.rates("meeting", "missing", by=("agency", "quarter")),
        "rates-by-area": lambda: cohort.rates("meeting", "missing"),
        "changes": lambda: cohort.changes("2026Q2", "2026Q1"),
        "people_changed": lambda: cohort.people_changed("2026Q2", "2026Q1"),
        "table": lambda: cohort.table("quarter", "area"),
        "release-check": lambda: checked(cohort, "one.csv", ("quarter",), ("area",)),
        "release-check-again": lambda: checked(cohort, "two.csv", ("quarter",), ("agency",)),
        "release-check-of-events": lambda: checked(
            cohort, "three.csv", ("area",), ("kind",), "events"
        ),
    }


def checked(
    cohort: Cohort,
    name: str,
    rows: tuple[str, ...],
    columns: tuple[str, ...],
    value: str = "people",
) -> None:
    """Have a table made, checked and put on record."""
    folder = cohort.frames.folder
    path = cohort.table(rows, columns, value=value).write(folder.parent / name)
    out = str(path.with_suffix(".safe.csv"))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        release_check.main(
            [str(path), "--cohort", str(folder), "--out", out], standalone_mode=False
        )


def timed(work: Callable[[], object]) -> str:
    """Return how long it took, and how much of a processor, which others don't take part in."""
    start, used = time.perf_counter(), time.process_time()
    work()
    took, used = time.perf_counter() - start, time.process_time() - used
    return f"{took:.1f} s, {used:.1f} s of processor time"


if __name__ == "__main__":
    main()
