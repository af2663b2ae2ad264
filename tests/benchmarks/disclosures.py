"""Name a thousand people: from the quorum to the opened tables, over HTTP, with the real commands.

    python -m tests.benchmarks.disclosures [--clusters 1000]

Three agencies know the same people, two others other people; an analyst proposes as many clusters
as asked for, two agencies approve, the three holders release, the recipient opens. Prints how long
each step takes, from the first command to the last answer, and how much each party gets to see.
"""

from __future__ import annotations

import csv
import os
import platform
import tempfile
import time
from pathlib import Path

import click
import numpy as np
from sqlalchemy import func, select

from matcher.store.tables import cluster_evidence, disclosure_messages, sealed_fields
from tests.agency_client.parties import Office
from tests.end_to_end.test_disclosures import AGENCIES, RULE, WHY, act, link, release, set_up
from tests.end_to_end.test_service import World, database_of, free_port

HOLDERS = ("police", "care", "health")
_SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so")


def made_up_people(count: int, seed: int) -> list[tuple[str, ...]]:
    """Return people of whom no two are alike."""
    rng = np.random.default_rng(seed)

    def word() -> str:
        return "".join(rng.choice(_SYLLABLES, 4)).capitalize()

    def person() -> tuple[str, ...]:
        year, month, day = rng.integers(2004, 2017), rng.integers(1, 13), rng.integers(1, 29)
        home, outward, inward = rng.integers(1, 200), rng.integers(1, 10), rng.integers(1, 10)
        return (
            word(), word(), f"{year}-{month:02}-{day:02}",
            f"{home} {word()} Street", word(), f"QX{outward} {inward}ZZ",
        )  # fmt: skip

    return [person() for _ in range(count)]


def table_of(world: World, clusters: int) -> Path:
    """Write the table of clusters to propose: those that just the three holders know."""
    listed = act(world, "analyst", "clusters")
    known = [own["cluster"] for own in listed if own["agencies"] == sorted(HOLDERS)]
    if len(known) < clusters:
        raise click.ClickException(f"only {len(known)} clusters can be proposed")
    path = world.office.folder / "clusters.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("cluster", "rule"))
        rows.writerows((name, RULE) for name in sorted(known)[:clusters])
    return path


def disclose(world: World, clusters: int) -> None:
    """Live through one disclosure, and print what each step took."""
    table = table_of(world, clusters)
    begun = time.perf_counter()

    def said(what: str) -> None:
        print(f"{time.perf_counter() - begun:8.1f} s  {what}")

    why = ("--purpose", "missing-children", "--reference", "MACE 12", "--necessity", WHY)
    words = ("--clusters", table, "--recipient", "hub", *why, "--yes")
    digest = act(world, "analyst", "propose", *words)["id"]
    said("proposed, with the matcher's evidence")
    for agency in ("police", "youth"):
        act(world, agency, "approve", digest, "--yes")
    said("approved by two: the quorum")
    quorum = time.perf_counter()
    for agency in HOLDERS:
        release(world, agency, digest)
        said(f"released by {agency}")
    opened = act(world, "hub", "open", digest, "--out", world.office.folder / "opened")
    said("opened by the hub")
    print(f"quorum to opened: {time.perf_counter() - quorum:.1f} s for {len(opened['tables']):,} "
          "clusters of three holders")  # fmt: skip


def tell_sizes(world: World) -> None:
    """Print the bytes of what each party gets to see."""
    database = database_of(world)
    with database.reading() as connection:
        evidence, messages, sealed = (
            connection.execute(select(func.length(table.c.content))).scalars().all()
            for table in (cluster_evidence, disclosure_messages, sealed_fields)
        )
    database.close()
    print(f"approvers: evidence {max(evidence):,} bytes, messages {sum(messages):,} bytes")
    print(f"recipient: {len(sealed)} sealed messages of {min(sealed):,} to {max(sealed):,} bytes")
    size = sum(path.stat().st_size for path in (world.office.folder / "opened").rglob("*"))
    print(f"recipient: {size:,} bytes of tables")


@click.command()
@click.option("--clusters", default=1000)
def main(clusters: int) -> None:
    """Measure and print."""
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    people = made_up_people(clusters + clusters // 10, 1)
    others = made_up_people(100, 2)
    known = {name: people if name in HOLDERS else others for name in AGENCIES}
    with tempfile.TemporaryDirectory() as scratch:
        world = World(Office(Path(scratch)), Path(scratch) / "matcher", {}, free_port())
        set_up(world, known)
        with world.serving():
            link(world)
            disclose(world, clusters)
            tell_sizes(world)


if __name__ == "__main__":
    main()
