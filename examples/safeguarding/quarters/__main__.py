"""Play the two quarters from the command line."""

from pathlib import Path

import click

from examples.safeguarding.options import scenario_options
from examples.safeguarding.quarters.playing import play


@click.command()
@scenario_options(
    out="Folder for everything; an earlier one of this example is replaced.",
    records=1000,
    least=200,
    most=20_000,
)
@click.option(
    "--workers",
    default=2,
    show_default=True,
    type=click.IntRange(1, 16),
    help="How many parties work at once.",
)
def main(out: Path, seed: int, records_per_agency: int, workers: int) -> None:
    """Let six agencies link two quarters, an analyst study them, and an officer check all of it.

    Example: python -m examples.safeguarding.quarters --out quarters
    """
    play(out.absolute(), seed=seed, records_per_agency=records_per_agency, workers=workers)


if __name__ == "__main__":
    main()
