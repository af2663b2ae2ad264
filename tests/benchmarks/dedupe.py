"""Quality and speed of de-duplication on sets with known truth, threshold chosen without it.

    python -m tests.benchmarks.dedupe --data DIR
    python -m tests.benchmarks.dedupe --data DIR --set febrl3 --extra FOLDER

DIR holds a folder per set: register.csv (or a CSV per agency, taken as one file) and truth.csv.
'merged' is what is merged unasked; 'answered' is that and every pair of the review list with a
probability of at least 0.5, as if a person had said yes to each.
"""

from __future__ import annotations

import time
from pathlib import Path

import click
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from agency_client.dedupe.candidates import candidate_pairs
from agency_client.dedupe.comparison import compare, fields_of
from agency_client.dedupe.merging import Merging, Scored, merge
from agency_client.dedupe.model import estimate
from hashing.standardise import standardise
from linkage.protocol.agreement import parse_agreement

AGREEMENTS = Path(__file__).parents[2] / "examples/evaluation"
SETS = {"febrl3": "febrl3", "hist10k": "hist10k", "multi5x4k": "multi5x4k"}
# The headings of the generator of large sets.
GENERATED = {
    "local_id": "record_id",
    "first_name": "given_name",
    "dob": "date_of_birth",
}
Persons = NDArray[np.int64]


@click.command()
@click.option("--data", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--set", "sets", multiple=True, type=click.Choice(list(SETS)))
@click.option("--extra", type=click.Path(exists=True, path_type=Path), help="A generated set.")
def main(data: Path, sets: tuple[str, ...], extra: Path | None) -> None:
    """Print precision, recall, F1, pairs to judge and seconds of each set."""
    click.echo(
        f"{'set':12}{'rows':>9}{'as':>10}{'precision':>11}{'recall':>9}{'F1':>9}{'asked':>8}"
    )
    for name in sets or SETS:
        measure(name, data / name, AGREEMENTS / f"{SETS[name]}.toml")
    if extra:
        measure(extra.name, extra, AGREEMENTS / "multi5x4k.toml")


def measure(name: str, folder: Path, agreement_file: Path) -> None:
    table, truth = read_set(folder)
    started = time.perf_counter()
    agreement = parse_agreement(agreement_file.read_text(encoding="utf-8"), name)
    cells = {field: table[field].tolist() for field in agreement.scheme.fields}
    fields = fields_of(agreement.scheme, standardise(agreement.scheme, cells))
    pairs = candidate_pairs(fields)
    levels = compare(fields, *pairs)
    model = estimate(fields, levels, seed=1)
    merging = merge(Scored(fields, model, pairs, model.log_odds(levels, pairs[0])), {}, 0.1)
    seconds = time.perf_counter() - started
    answered, asked = accept_likely(merging)
    for label, persons in (("merged", merging.person), ("answered", answered)):
        precision, recall, f1 = pairwise(persons, truth)
        click.echo(
            f"{name:12}{len(truth):>9,}{label:>10}{precision:>11.4f}{recall:>9.4f}{f1:>9.4f}"
            f"{asked if label == 'answered' else 0:>8,}"
        )
    click.echo(f"{name:12}{seconds:>9.1f} s, {len(pairs[0]):,} candidate pairs")


def read_set(folder: Path) -> tuple[pd.DataFrame, Persons]:
    """Return the rows of all files of a set, and the person of each."""
    files = sorted(path for path in folder.glob("*.csv") if path.stem != "truth")
    tables = [pd.read_csv(path, dtype=str, keep_default_na=False) for path in files]
    table = pd.concat(tables, ignore_index=True).rename(columns=GENERATED)
    truth = pd.read_csv(folder / "truth.csv", dtype=str).rename(columns=GENERATED)
    entity = table["record_id"].map(truth.set_index("record_id")["entity_id"])
    return table, pd.factorize(entity)[0].astype(np.int64)


def accept_likely(merging: Merging) -> tuple[Persons, int]:
    """Return the persons after a yes to each doubt of at least 0.5, and the number of those."""
    accepted = [(d.left, d.right) for d in merging.doubts if d.probability >= 0.5]
    left, right = np.array(accepted, np.int64).reshape(-1, 2).T
    rows = np.arange(len(merging.person))
    ends = (np.append(left, rows), np.append(right, merging.person))
    graph = coo_array((np.ones(len(ends[0])), ends), shape=(len(rows), len(rows)))
    return connected_components(graph, directed=False)[1].astype(np.int64), len(accepted)


def pairwise(persons: Persons, truth: Persons) -> tuple[float, float, float]:
    """Return precision, recall and F1 over pairs of rows."""
    found = pairs_within(persons)
    both = pairs_within(persons * (truth.max() + 1) + truth)
    true = pairs_within(truth)
    return both / max(found, 1), both / true, 2 * both / (found + true)


def pairs_within(groups: Persons) -> int:
    sizes = np.unique(groups, return_counts=True)[1]
    return int((sizes * (sizes - 1) // 2).sum())


if __name__ == "__main__":
    main()
