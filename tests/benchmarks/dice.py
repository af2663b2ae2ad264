"""All pairs of two sets of CLKs of at least a Dice coefficient, beside anonlink in the same run.

    python -m tests.benchmarks.dice --rows 10000 --threshold 0.8

Random filters of 1,024 bits, of which a tenth have a noisy copy on the other side. Both use one
core; runs take turns, and each side's best counts. anonlink gets an environment of its own.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click
import numpy as np

from linkage.similarity import dice_pairs
from tests.benchmarks.peers import peer_python, run_peer

BITS = 1024
BY_ANONLINK = """
import json, sys, time
import numpy as np
from bitarray import bitarray
import anonlink

def filters(path):
    return [bitarray(np.unpackbits(row).tolist()) for row in np.load(path).view(np.uint8)]

rows, columns = filters(sys.argv[1]), filters(sys.argv[2])
started = time.perf_counter()
found = anonlink.candidate_generation.find_candidate_pairs(
    [rows, columns], anonlink.similarities.dice_coefficient_accelerated, float(sys.argv[3])
)
print(json.dumps([time.perf_counter() - started, len(found[0])]))
"""


@click.command()
@click.option("--rows", default=10_000, show_default=True, help="On each side.")
@click.option("--threshold", default=0.8, show_default=True)
@click.option("--fill", default=0.3, show_default=True, help="The share of set bits.")
@click.option("--runs", default=3, show_default=True)
def main(rows: int, threshold: float, fill: float, runs: int) -> None:
    """Print pairs a second and core of both, and their ratio."""
    python = peer_python("anonlink")
    one, other = made_filters(rows, fill)
    dice_pairs(one[:64], other[:64], threshold)  # compiles
    ours, theirs = [], []
    with tempfile.TemporaryDirectory(prefix="concord-benchmark-") as scratch:
        paths = [Path(scratch) / name for name in ("one.npy", "other.npy")]
        for path, filters in zip(paths, (one, other), strict=True):
            np.save(path, filters)
        for _ in range(runs):
            ours.append(our_seconds(one, other, threshold))
            theirs.append(tuple(run_peer(python, BY_ANONLINK, *paths, threshold)))
    (our_best, our_pairs), (their_best, their_pairs) = min(ours), min(theirs)
    assert our_pairs == their_pairs, f"we found {our_pairs:,} pairs, anonlink {their_pairs:,}"
    total = rows * rows
    click.echo(f"{total:,} pairs of {BITS} bits, {our_pairs:,} of Dice {threshold} or more")
    click.echo(f"dice_pairs {total / our_best / 1e9:8.3f} x 10^9 pairs/s a core")
    click.echo(f"anonlink   {total / their_best / 1e9:8.3f} x 10^9 pairs/s a core")
    click.echo(f"ratio      {their_best / our_best:8.2f}")


def made_filters(rows: int, fill: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    one, other = (rng.random((rows, BITS)) < fill for _ in range(2))
    copies = rows // 10
    other[:copies] = one[:copies] ^ (rng.random((copies, BITS)) < 0.03)
    return tuple(np.packbits(bits, axis=1).view(np.uint64) for bits in (one, other))


def our_seconds(one: np.ndarray, other: np.ndarray, threshold: float) -> tuple[float, int]:
    started = time.perf_counter()
    found = dice_pairs(one, other, threshold)
    return time.perf_counter() - started, len(found[0])


if __name__ == "__main__":
    main()
