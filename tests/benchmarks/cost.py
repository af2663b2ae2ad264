"""What linking two files of n records costs: seconds, memory, and two cores against one.

    python -m tests.benchmarks.cost --rows 10000 --rows 100000 --rows 1000000

Encodings of the default scheme made of random bits: half of the people are in both files, with
every group of a match identical, noisy or wholly different. Each run is a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np

from linkage.encodings import Encodings, GroupLayout, Header, write_encodings
from linkage.protocol.agreement import parse_agreement
from tests.synthetic import random_bits

SCHEME = Path(__file__).parents[2] / "agency_client" / "schemes" / "x6.toml"
AGENCIES = ("a", "b")
LINK = """
import json, os, resource, sys, time
from pathlib import Path
from matcher.app.files import read_agreement
from matcher.runs.run import link_files

os.sched_setaffinity(0, set(map(int, sys.argv[2].split(","))))
folder, ticks, started = Path(sys.argv[1]), [], time.perf_counter()
run = link_files(
    [folder / "a.arrow", folder / "b.arrow"], read_agreement(folder / "agreement.toml"),
    folder / "run", lambda stage: stage.total and ticks.append(time.perf_counter()), None,
)
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "wall": time.perf_counter() - started, "scan": ticks[-1] - ticks[0], "tiles": len(ticks),
    "peak": usage.ru_maxrss / 1024, "candidates": len(run.linkage.histogram.pattern_of),
    "links": run.linkage.estimate.links,
}))
"""


@click.command()
@click.option("--rows", "sizes", multiple=True, type=int, default=(10_000, 30_000, 100_000))
@click.option("--cores", default="1,2", show_default=True, help="How many to use, in turn.")
def main(sizes: tuple[int, ...], cores: str) -> None:
    """Print a row per size and number of cores; the last column is the gain over the first."""
    click.echo(
        f"{'rows':>9}{'cores':>6}{'wall s':>9}{'scan s':>9}{'10^9 pairs/s':>14}{'peak MiB':>10}"
        f"{'candidates':>12}{'scan gain':>11}"
    )
    available = sorted(os.sched_getaffinity(0))
    for rows in sizes:
        with tempfile.TemporaryDirectory(prefix="concord-benchmark-") as scratch:
            write_files(Path(scratch), rows)
            first = None
            for wanted in map(int, cores.split(",")):
                done = link(Path(scratch), available[:wanted])
                first = first or done["scan"]
                # The first tile's end starts the clock, so that its work isn't in it.
                rate = rows * rows * (1 - 1 / done["tiles"]) / done["scan"] / 1e9
                click.echo(
                    f"{rows:>9,}{wanted:>6}{done['wall']:>9.1f}{done['scan']:>9.1f}{rate:>14.2f}"
                    f"{done['peak']:>10,.0f}{done['candidates']:>12,}{first / done['scan']:>11.2f}"
                )


def link(folder: Path, cores: list[int]) -> dict[str, Any]:
    words = [sys.executable, "-c", LINK, str(folder), ",".join(map(str, cores))]
    result = subprocess.run(words, capture_output=True, text=True, check=True)
    measured: dict[str, Any] = json.loads(result.stdout)
    return measured


def write_files(folder: Path, rows: int) -> None:
    """Write an agreement and two files of encodings."""
    text = '[agreement]\nid = "cost"\ntitle = "Cost"\n' + SCHEME.read_text(encoding="utf-8")
    scheme = parse_agreement(text, "").scheme
    (folder / "agreement.toml").write_text(text, encoding="utf-8")
    layout = tuple(GroupLayout(group.name, group.length) for group in scheme.group)
    rng = np.random.default_rng(7)
    shape = (len(layout), max(group.length for group in layout) // 64)
    people = random_bits(rng, rows + rows // 2, *shape)
    for number, agency in enumerate(AGENCIES):
        bits = people[number * (rows // 2) :][:rows].copy()
        kind = rng.choice(3, bits.shape[:2], p=[0.45, 0.4, 0.15])
        noisy, other = kind == 1, kind == 2
        bits[noisy] ^= rare_bits(rng, int(noisy.sum()), shape[1])
        bits[other] = random_bits(rng, int(other.sum()), shape[1])
        present = rng.random(bits.shape[:2]) >= 0.04
        tokens = rng.integers(0, 256, (rows, 16), dtype=np.uint8)
        header = Header(agency, scheme.digest(), layout)
        encodings = Encodings(header, tokens, bits * present[:, :, None], present)
        with (folder / f"{agency}.arrow").open("wb") as sink:
            write_encodings(sink, header, [encodings])


def rare_bits(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Return words of which one bit in 16 is set."""
    bits = random_bits(rng, *shape)
    for _ in range(3):
        bits &= random_bits(rng, *shape)
    return bits


if __name__ == "__main__":
    main()
