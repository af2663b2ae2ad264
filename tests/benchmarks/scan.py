"""The full scan of every pair, beside Splink's predict on the same set in the same run.

    python -m tests.benchmarks.scan --data DIR --set multi5x4k

DIR holds a folder per set: a CSV per agency and truth.csv. Splink 4 on DuckDB sees names in the
clear, is trained as its tutorials recommend and blocks, so that it scores only pairs that share a
name, a date of birth or a postcode; we see encodings and compare every pair. Timed are our scan and
its predict, on every core; reading, encoding and training are not. Splink gets an environment of
its own.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click

from linkage.scanning import scan_pairs
from linkage.sources import gather
from matcher.app.files import read_agreement
from matcher.engine import thread_engine
from matcher.runs.inputs import linking_rules, read_agency_file
from tests.benchmarks.peers import peer_python, run_peer
from tests.benchmarks.quality import AGREEMENTS, run

BY_SPLINK = """
import json, logging, sys, time
from pathlib import Path
import pandas as pd
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

logging.disable(logging.CRITICAL)
frames = []
for path in map(Path, sys.argv[1:]):
    frame = pd.read_csv(path, dtype=str)
    frames.append(frame.rename(columns={"record_id": "unique_id"}))
fields = set.intersection(*(set(frame.columns) for frame in frames))
comparisons = [cl.NameComparison("given_name"), cl.NameComparison("surname")]
comparisons.append(cl.LevenshteinAtThresholds("date_of_birth", [1, 2]))
places = [field for field in ("address", "postcode") if field in fields]
comparisons += [cl.LevenshteinAtThresholds(place, [1, 3]) for place in places]
blocks = [block_on("given_name", "surname"), block_on("date_of_birth")]
blocks += [block_on("postcode")] if "postcode" in fields else []
settings = SettingsCreator(
    link_type="link_only", comparisons=comparisons, blocking_rules_to_generate_predictions=blocks
)
linker = Linker(frames, settings, DuckDBAPI())
training = linker.training
training.estimate_probability_two_random_records_match(blocks[:2], recall=0.8)
training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
training.estimate_parameters_using_expectation_maximisation(block_on("date_of_birth"))
training.estimate_parameters_using_expectation_maximisation(block_on("given_name", "surname"))
started = time.perf_counter()
scored = linker.inference.predict()
seconds = time.perf_counter() - started
print(json.dumps([seconds, len(scored.as_pandas_dataframe())]))
"""


@click.command()
@click.option("--data", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--set", "sets", multiple=True, type=click.Choice(list(AGREEMENTS)))
@click.option("--runs", default=3, show_default=True)
def main(data: Path, sets: tuple[str, ...], runs: int) -> None:
    """Print pairs and seconds of both, per set, and the ratio of their pairs a second."""
    python = peer_python("splink>=4,<5", "pandas<3")
    click.echo(f"{'set':17}{'our pairs':>14}{'s':>8}{'its pairs':>12}{'s':>8}{'ratio':>9}")
    for name in sets or ("multi5x4k", "census_cis_half"):
        extracts = sorted(path for path in (data / name).glob("*.csv") if path.stem != "truth")
        ours, theirs = [], []
        for _ in range(runs):
            ours.append(our_scan(extracts, AGREEMENTS[name]))
            theirs.append(tuple(run_peer(python, BY_SPLINK, *extracts)))
        (seconds, pairs), (their_seconds, their_pairs) = min(ours), min(theirs)
        ratio = (pairs / seconds) / (their_pairs / their_seconds)
        click.echo(
            f"{name:17}{pairs:>14,}{seconds:>8.2f}{their_pairs:>12,}{their_seconds:>8.2f}"
            f"{ratio:>9,.0f}"
        )


def our_scan(extracts: list[Path], agreement_file: Path) -> tuple[float, int]:
    """Encode, and return the seconds that the scan takes and the pairs it compares."""
    agreement = read_agreement(agreement_file)
    with tempfile.TemporaryDirectory(prefix="concord-benchmark-") as folder:
        scratch = Path(folder)
        run("agency-client", "secret", "create", "--out", scratch / "secret.key")
        for extract in extracts:
            run(
                "agency-client", "encode", extract, "--agreement", agreement_file,
                "--agency", extract.stem, "--secret-file", scratch / "secret.key",
                "--out", scratch / f"{extract.stem}.arrow", "--overrule", "a benchmark",
            )  # fmt: skip
        files = [read_agency_file(scratch / f"{e.stem}.arrow", agreement) for e in extracts]
    sources = gather(files, {e.stem: True for e in extracts})
    rules = linking_rules(agreement)
    started = time.perf_counter()
    with thread_engine(lambda *_: None) as map_tiles:
        scan_pairs(
            sources, sources.pairs(), rules.comparisons, rules.candidates_per_record, rules.seed,
            map_tiles,
        )  # fmt: skip
    return time.perf_counter() - started, sources.total_pairs()


if __name__ == "__main__":
    main()
