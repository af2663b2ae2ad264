"""Pairwise quality on evaluation sets with known truth, over several linkage secrets.

    python -m tests.benchmarks.quality --data DIR --set multi5x4k --secrets 3

DIR holds a folder per set: a CSV per agency and truth.csv. Every step runs as a user would run
it, each with a new random secret. The model's own estimates stand beside the truth, and the mean
absolute error of those for single pairs of agencies.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

EXAMPLES = Path(__file__).parents[2] / "examples"
AGREEMENTS = {
    "multi5x4k": EXAMPLES / "evaluation/multi5x4k.toml",
    "multi5x4k_hard": EXAMPLES / "evaluation/multi5x4k.toml",
    "census_cis_half": EXAMPLES / "evaluation/census_cis_half.toml",
    "anonlink5": EXAMPLES / "evaluation/anonlink5.toml",
    "febrl4_half": EXAMPLES / "febrl/agreement.toml",
}
HEADINGS = (
    "precision", "recall", "F1", "best F1", "est. precision", "est. recall",
    "pair err. prec.", "pair err. recall",
)  # fmt: skip


@click.command()
@click.option("--data", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--set", "sets", multiple=True, type=click.Choice(list(AGREEMENTS)))
@click.option("--secrets", default=1, show_default=True, help="How many secrets to try.")
@click.option("--agreement", type=click.Path(exists=True, path_type=Path), help="Instead of ours.")
def main(data: Path, sets: tuple[str, ...], secrets: int, agreement: Path | None) -> None:
    """Print a row of figures per set: mean and, over several secrets, the range of F1."""
    click.echo(f"{'set':16}" + "".join(f"{heading:>18}" for heading in HEADINGS))
    for name in sets or AGREEMENTS:
        runs = [measure(data / name, agreement or AGREEMENTS[name]) for _ in range(secrets)]
        click.echo(f"{name:16}" + "".join(column(runs, k) for k in range(len(HEADINGS))))


def column(runs: list[tuple[float, ...]], k: int) -> str:
    values = [run[k] for run in runs]
    spread = f" ±{(max(values) - min(values)) / 2:.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4f}{spread}".rjust(18)


def measure(folder: Path, agreement: Path) -> tuple[float, ...]:
    with tempfile.TemporaryDirectory() as scratch:
        result = link_and_evaluate(folder, agreement, Path(scratch))
    truth, estimated = result["at_threshold"], result["estimated"]
    return (
        truth["precision"], truth["recall"], truth["f1"], result["best"]["f1"],
        estimated["precision"], estimated["recall"],
        pair_error(result, "precision"), pair_error(result, "recall"),
    )  # fmt: skip


def pair_error(result: dict[str, Any], figure: str) -> float:
    """Return how far estimates for two agencies are from their truth, on average."""
    return statistics.mean(
        abs(pair["estimated"][figure] - pair["at_threshold"][figure]) for pair in result["by_pair"]
    )


def link_and_evaluate(folder: Path, agreement: Path, scratch: Path) -> dict[str, Any]:
    agencies = sorted(path.stem for path in folder.glob("*.csv") if path.stem != "truth")
    run("agency-client", "secret", "create", "--out", scratch / "secret.key")
    for agency in agencies:
        run(
            "agency-client", "encode", folder / f"{agency}.csv", "--agreement", agreement,
            "--agency", agency, "--secret-file", scratch / "secret.key",
            "--out", scratch / f"{agency}.arrow", "--map-out", scratch / f"{agency}.map.parquet",
        )  # fmt: skip
    encoded = [scratch / f"{agency}.arrow" for agency in agencies]
    run("matcher", "link", *encoded, "--agreement", agreement, "--out", scratch / "run")
    maps = [f"--map={agency}={scratch / agency}.map.parquet" for agency in agencies]
    result: dict[str, Any] = json.loads(
        run("matcher", "evaluate", scratch / "run", "--truth", folder / "truth.csv", *maps)
    )
    return result


def run(program: str, *words: object) -> str:
    command = [Path(sys.executable).parent / program, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
