"""Records a second from a CSV file to encodings on disk, beside clkhash in the same run.

    python -m tests.benchmarks.encoding --rows 200000

We encode in a process of its own under the default scheme with six groups, imports and cleaning
included; the attack on a sample, which takes as long for any extract, isn't. clkhash makes one CLK
of 1,024 bits of the same fields, without cleaning, from values that it need not parse. Both use
every core that the process may.
"""

from __future__ import annotations

import csv
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import clkhash.clk
import clkhash.schema

from examples.safeguarding import write_scenario

EXAMPLE = Path(__file__).parents[2] / "examples" / "safeguarding"
AGENCY = "police"
MADE_ROWS = 20_000
CLKHASH_ROWS = 20_000
CACHE = Path(tempfile.gettempdir()) / "concord-benchmark-2"
HEADINGS = [
    "record_id", "given_name", "surname", "date_of_birth", "address", "town", "postcode",
    "middle_name", "sex",
]  # fmt: skip
IN_PROCESS = "from agency_client.cli import main; main()"


@dataclass(frozen=True)
class Run:
    """One encoding: wall-clock and processor seconds, and peak memory in MiB."""

    wall: float
    cpu: float
    peak: float


@click.command()
@click.option("--rows", default=200_000, show_default=True)
@click.option("--extract", type=click.Path(exists=True, path_type=Path), help="Rows to repeat.")
@click.option("--runs", default=3, show_default=True, help="The best of so many counts.")
@click.option("--clkhash/--no-clkhash", "beside", default=True)
def main(rows: int, extract: Path | None, runs: int, beside: bool) -> None:
    """Print records a second, peak memory, and clkhash's records a second."""
    with tempfile.TemporaryDirectory(prefix="concord-benchmark-") as scratch:
        table = Path(scratch) / "extract.csv"
        sample = write_rows(table, extract or made_extract(), rows)
        size = table.stat().st_size / 2**20
        best = min((encode(table, Path(scratch)) for _ in range(runs)), key=lambda run: run.wall)
    cores = os.cpu_count()
    click.echo(f"{rows:,} records, {size:,.0f} MiB of CSV, {cores} cores, best of {runs}")
    click.echo(
        f"agency-client encode  {rows / best.wall:>9,.0f} records/s   {best.wall:.2f} s wall, "
        f"{best.cpu:.2f} s of processor, peak memory {best.peak:,.0f} MiB"
    )
    if beside:
        theirs = min(clkhash_seconds(sample) for _ in range(runs))
        rate = len(sample) / theirs
        click.echo(f"clkhash generate_clks {rate:>9,.0f} records/s   on {len(sample):,} records")
        click.echo(f"ratio                 {rows / best.wall / rate:>9.1f}")


def made_extract() -> Path:
    """Return one agency's extract of the example scenario, made once a machine."""
    path = CACHE / f"{AGENCY}.csv"
    if not path.exists():
        write_scenario(CACHE, seed=1, records_per_agency=MADE_ROWS)
    return path


def write_rows(out: Path, extract: Path, count: int) -> list[list[str]]:
    """Write ``count`` rows, those of the extract repeated under new ids; return the first ones."""
    sample = []
    with out.open("w", encoding="utf-8", newline="") as sink:
        writer = csv.writer(sink)
        writer.writerow(HEADINGS)
        for number, row in enumerate(itertools.islice(repeated(extract), count)):
            fresh = [f"R{number}", *row[1:]]
            writer.writerow(fresh)
            if number < CLKHASH_ROWS:
                sample.append(fresh)
    return sample


def repeated(extract: Path) -> Iterator[list[str]]:
    """Yield the extract's rows for ever; of repeated addresses the number of the house changes."""
    with extract.open(encoding="utf-8", newline="") as source:
        reader = csv.reader(source)
        width = len(next(reader))
        assert width == len(HEADINGS), f"{extract} needs the columns {HEADINGS}"
        rows = list(reader)
    for turn in itertools.count():
        for row in rows:
            yield [*row[:4], f"{turn} {row[4]}" if turn and row[4] else row[4], *row[5:]]


def encode(table: Path, folder: Path) -> Run:
    """Encode in a new process and measure it."""
    secret = folder / "secret.key"
    if not secret.exists():
        secret.write_text("a benchmark needs no secret secret ")
        secret.chmod(0o600)
    words = [
        "encode", table, "--agreement", EXAMPLE / "agreement.toml", "--agency", AGENCY,
        "--secret-file", secret, "--out", folder / "out.arrow", "--format", "json",
        "--overrule", "a benchmark",
    ]  # fmt: skip
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", IN_PROCESS, *map(str, words)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    summary = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"encode ended with {process.returncode}")
    wall -= json.loads(summary)["leakage"]["seconds"]
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def clkhash_seconds(sample: list[list[str]]) -> float:
    """Return how long clkhash takes for the sample."""
    schema = clkhash.schema.from_json_dict(clkhash_schema())
    started = time.perf_counter()
    clkhash.clk.generate_clks([row[1:] for row in sample], schema, "secret", validate=False)
    return time.perf_counter() - started


def clkhash_schema() -> dict[str, Any]:
    def feature(name: str) -> dict[str, Any]:
        return {
            "identifier": name,
            "format": {"type": "string", "encoding": "utf-8"},
            "hashing": {
                "comparison": {"type": "ngram", "n": 2, "positional": False},
                "strategy": {"bitsPerToken": 15},
                "hash": {"type": "blakeHash"},
            },
        }

    derivation = {"type": "HKDF", "hash": "SHA256", "salt": "c2FsdA==", "info": "", "keySize": 64}
    return {
        "version": 3,
        "clkConfig": {"l": 1024, "kdf": derivation},
        "features": [feature(name) for name in HEADINGS[1:]],
    }


if __name__ == "__main__":
    main()
