"""Play the two quarters from the command line."""

from pathlib import Path

import click

from examples.safeguarding.quarters.playing import play


@click.command()
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for everything; an earlier one of this example is replaced.",
)
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same files.")
@click.option(
    "--records-per-agency",
    default=1000,
    show_default=True,
    type=click.IntRange(60, 20_000),
    help="Records in each agency's file.",
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
