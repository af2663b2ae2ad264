"""What attacks recover of several schemes, on sparse and dense samples of full size.

    python -m tests.benchmarks.leakage --scheme x6 --size 1000

Prints one row per scheme, sample and choice of groups; a share over the limit has a mark. With
--extract the sparse sample is drawn from a CSV file that has the default scheme's columns.
"""

from __future__ import annotations

import csv
import platform
import time
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from agency_client.ready_schemes import READY_SCHEMES
from hashing.encoder import Encoder
from hashing.risk import LIMIT, AttackResult
from hashing.risk.assess import attack_sample
from hashing.secret import LinkageSecret
from linkage.protocol.scheme import Scheme
from tests.hashing.people import dense_people, plain, product, single_field, sparse_people, union

SCHEMES = {ready.name: ready.scheme for ready in READY_SCHEMES} | {
    scheme.version: scheme
    for scheme in (plain(), single_field(), union(), union(8), product(2), product(3), product(4))
}
SIZES = (1000, 2400)


@click.command()
@click.option("--scheme", "schemes", multiple=True, help="Only these; x6 is the default.")
@click.option("--size", "sizes", multiple=True, type=int, default=SIZES, show_default=True)
@click.option("--sample", "samples", multiple=True, default=("sparse", "dense"), show_default=True)
@click.option("--pairs/--no-pairs", default=True, help="Also attack pairs of groups.")
@click.option("--rounds", default=15, show_default=True, help="Rounds of refinement.")
@click.option("--seed", default=1, show_default=True)
@click.option("--extract", type=click.Path(exists=True, path_type=Path))
def main(
    *,
    schemes: tuple[str, ...],
    sizes: tuple[int, ...],
    samples: tuple[str, ...],
    pairs: bool,
    rounds: int,
    seed: int,
    extract: Path | None,
) -> None:
    """Print the share of records that each attack re-identifies."""
    click.echo(f"{platform.processor() or platform.machine()}, limit {LIMIT:.0%} above chance")
    for name in schemes or SCHEMES:
        for sample in samples:
            for size in sizes:
                started = time.monotonic()
                columns = people(sample, size, seed, extract)
                results = list(attack(SCHEMES[name], sample, columns, seed, pairs, rounds))
                for line in table(results):
                    click.echo(f"{name:<15} {sample:<7} {size:>5}  {line}")
                click.echo(f"{name:<15} {sample:<7} {size:>5}  {time.monotonic() - started:.0f} s")


def people(sample: str, size: int, seed: int, extract: Path | None) -> dict[str, list[str]]:
    if sample == "dense":
        return dense_people(size, seed)
    if extract is None:
        return sparse_people(size, seed)
    with extract.open(encoding="utf-8-sig", newline="") as source:
        rows = list(csv.DictReader(source))
    chosen = np.random.default_rng(seed).permutation(len(rows))[:size]
    return {name: [rows[k][name] for k in chosen] for name in rows[0]}


def attack(
    scheme: Scheme, sample: str, columns: dict[str, list[str]], seed: int, pairs: bool, rounds: int
) -> list[AttackResult]:
    rng = np.random.default_rng(seed)
    secret = LinkageSecret(rng.bytes(32))
    rows = Encoder(scheme, secret).standardise({name: columns[name] for name in scheme.fields})
    return attack_sample(sample, scheme, secret, rows, rng, pairs=pairs, rounds=rounds)


def table(results: list[AttackResult]) -> Iterator[str]:
    attacks = list(dict.fromkeys(result.attack for result in results))
    yield f"{'':<30}" + "".join(f"{attack:>18}" for attack in attacks)
    for groups in dict.fromkeys(result.groups for result in results):
        found = {r.attack: r for r in results if r.groups == groups}
        yield f"{'+'.join(groups):<30}" + "".join(
            f"{found[a].share:>17.4f}{'!' if found[a].excess > LIMIT else ' '}" for a in attacks
        )


if __name__ == "__main__":
    main()
