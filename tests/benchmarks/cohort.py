"""How long an analyst waits for a cohort, from sealed pieces to the folder that is written.

Usage: python -m tests.benchmarks.cohort [--people 100000] [--events 1000000]

Made-up payload of five agencies is sealed to an analyst (not timed); opening, verifying, building
and writing are. As peer, the same tables, in the clear already, are merged by pandas alone: each
agency's events with its map, one after the other, and written as Parquet.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from agency_client.cohort.pulling.building import Parts, build_tables
from agency_client.cohort.pulling.checking import require_agreed_terms, require_same_people
from agency_client.cohort.pulling.directory import write_cohort
from linkage.protocol.cohort.payload import open_payload, seal_payload
from linkage.protocol.cohort.people_map import map_bytes, parse_map
from tests.agency_client.cohort.made_up import AGENCIES, AGREEMENT, ANALYST, FACTS, MadeUp


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--people", type=int, default=100_000)
    asked.add_argument("--events", type=int, default=1_000_000)
    options = asked.parse_args()
    made = MadeUp(options.people, options.events // len(AGENCIES), seed=1)
    sealed = {
        own.name: seal_payload(AGREEMENT, 1, ANALYST.name, made.payloads[own.name], bytes(32), own)
        for own in AGENCIES
    }
    whole = map_bytes(made.map)
    size = sum(len(piece) for _, pieces in sealed.values() for piece in pieces)
    events = sum(len(own.events) for own in made.payloads.values())
    print(
        f"{made.map.records.num_rows:,} records, {events:,} events, {size / 2**20:.0f} MiB sealed"
    )
    with tempfile.TemporaryDirectory() as folder:
        print(f"cohort: {timed(lambda: cohort(sealed, whole, Path(folder) / 'cohort'))}")
        print(f"pandas: {timed(lambda: plain(made, Path(folder)))}")


def timed(work) -> str:
    """Return how long it took, and how much of a processor, which others don't take part in."""
    start, used = time.perf_counter(), time.process_time()
    work()
    took, used = time.perf_counter() - start, time.process_time() - used
    return f"{took:.1f} s, {used:.1f} s of processor time"


def cohort(sealed, whole: bytes, folder: Path) -> None:
    """Do what the analyst's client does once everything is fetched."""
    marks = [time.perf_counter()]
    payloads = {}
    for agency, (manifest, pieces) in sealed.items():
        digests = tuple(hashlib.sha256(piece).hexdigest() for piece in pieces)
        assert digests == manifest.pieces
        payloads[agency] = open_payload(AGREEMENT, agency, manifest, pieces, ANALYST)
        require_agreed_terms(agency, payloads[agency], AGREEMENT.payload)
    people = parse_map(whole, "The map")
    require_same_people(people, payloads)
    marks.append(time.perf_counter())
    tables = build_tables(Parts(people, payloads, AGREEMENT.payload))
    marks.append(time.perf_counter())
    write_cohort(folder, tables, FACTS, AGREEMENT.payload)
    marks.append(time.perf_counter())
    opened, built, written = np.diff(marks)
    print(f"  opened and verified {opened:.1f} s, built {built:.1f} s, written {written:.1f} s")


def plain(made: MadeUp, folder: Path) -> None:
    """Merge the same tables with pandas, without keys, seals, checks or intervals."""
    records = made.map.records.to_pandas()
    parts = {name: [] for name in ("people", "events", "associations")}
    for agency, own in made.payloads.items():
        mapped = records[records["agency"] == agency][["person", "pseudonym", "agency"]]
        other = mapped.rename(columns={"person": "other", "pseudonym": "pseudonym_of_other"})
        parts["people"].append(own.people.to_pandas().merge(mapped, on="person"))
        parts["events"].append(own.events.to_pandas().merge(mapped, on="person"))
        both = own.associations.to_pandas().merge(mapped, on="person")
        parts["associations"].append(both.merge(other.drop(columns="agency"), on="other"))
    for name, found in parts.items():
        table = pd.concat(found).sort_values(["pseudonym"])
        for column in ("pseudonym", "person", "other", "place", "pseudonym_of_other"):
            if column in table:
                table[column] = table[column].map(lambda own: own.hex() if own else None)
        table.to_parquet(folder / f"{name}.parquet")
    records.groupby("pseudonym").agg({"agency": "nunique", "probability": "min"})


if __name__ == "__main__":
    main()
