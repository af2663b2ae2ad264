"""How long the log takes to grow, to prove and to verify, beside pymerkle in the same run.

python -m tests.benchmarks.audit --events 100000 --leaves 1000000
"""

from __future__ import annotations

import platform
import random
import resource
import time
from collections.abc import Callable
from typing import Any

import click
import pymerkle

from linkage.audit.merkle import leaf_hash, verify_consistency, verify_inclusion
from linkage.audit.tree import Tree
from linkage.audit.verification import Trust, verify_bundle
from tests.linkage.audit.made_up import KEYS, LyingLog, as_lines, events

PROOFS = 1000  # of ours; pymerkle makes a tenth as many


@click.command()
@click.option("--events", "size", default=100_000, show_default=True, help="Events to verify.")
@click.option("--leaves", default=1_000_000, show_default=True, help="Leaves to append.")
def main(*, size: int, leaves: int) -> None:
    """Print seconds for whole jobs, and milliseconds for single proofs."""
    click.echo(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    verify_events(size)
    entries = [f"entry {number}".encode() for number in range(leaves)]
    tree, other = Tree(), pymerkle.InmemoryTree(algorithm="sha256")
    show_time(f"append {leaves:,} leaves", lambda: [tree.append(leaf_hash(one)) for one in entries])
    show_time("  pymerkle", lambda: [other.append_entry(one) for one in entries])
    prove(tree, entries)
    prove_by_pymerkle(other, leaves)
    if tree.root() != other.get_root():
        raise click.ClickException("The two trees have different roots.")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    click.echo(f"{'peak memory of all this':<44} {peak:10,.0f} MiB")


def verify_events(size: int) -> None:
    """Time the verification of a whole bundle: every event, root, signatures."""
    some = events(min(size, 5000))
    bundle = LyingLog([some[number % len(some)] for number in range(size)]).bundle()
    lines = as_lines(bundle)
    what = f"verify {size:,} events, {len(bundle) / 1e6:.0f} MB"
    show_time(what, lambda: verify_bundle(iter(lines), "the bundle", Trust(KEYS, 2)))


def prove(tree: Tree, entries: list[bytes]) -> None:
    """Time proofs of random leaves and between random sizes, and verify each."""
    draw, size, root = random.Random(1), len(entries), tree.root()
    leaves = [draw.randrange(size) for _ in range(PROOFS)]
    paths = [timed(tree.inclusion_proof, leaf, size) for leaf in leaves]
    show_times("inclusion proof", [seconds for seconds, _ in paths])
    checks = [
        timed(verify_inclusion, leaf_hash(entries[leaf]), leaf, size, path, root)
        for leaf, (_, path) in zip(leaves, paths, strict=True)
    ]
    show_times("  verified", [seconds for seconds, _ in checks])
    firsts = [draw.randrange(1, size) for _ in range(PROOFS)]
    paths = [timed(tree.consistency_proof, first, size) for first in firsts]
    show_times("consistency proof", [seconds for seconds, _ in paths])
    checks = [
        timed(verify_consistency, first, size, path, tree.root(first), root)
        for first, (_, path) in zip(firsts, paths, strict=True)
    ]
    show_times("  verified", [seconds for seconds, _ in checks])


def prove_by_pymerkle(tree: pymerkle.InmemoryTree, size: int) -> None:
    """Time the same proofs by pymerkle."""
    draw = random.Random(1)
    numbers = [draw.randrange(1, size) for _ in range(PROOFS // 10)]
    found = [timed(tree.prove_inclusion, number, size) for number in numbers]
    show_times("inclusion proof by pymerkle", [seconds for seconds, _ in found])
    found = [timed(tree.prove_consistency, number, size) for number in numbers]
    show_times("consistency proof by pymerkle", [seconds for seconds, _ in found])


def timed(job: Callable[..., Any], *arguments: object) -> tuple[float, Any]:
    """Return a job's seconds and what it returned."""
    started = time.perf_counter()
    outcome = job(*arguments)
    return time.perf_counter() - started, outcome


def show_times(what: str, seconds: list[float]) -> None:
    """Print the median and the largest of several times."""
    middle, worst = sorted(seconds)[len(seconds) // 2], max(seconds)
    click.echo(f"{what:<44} {1000 * middle:10.3f} ms, at most {1000 * worst:.3f} ms")


def show_time(what: str, job: Callable[[], object]) -> None:
    """Run a job once and print its seconds."""
    seconds, _ = timed(job)
    click.echo(f"{what:<44} {seconds:10.2f} s")


if __name__ == "__main__":
    main()
