"""Write the scenario from the command line."""

from pathlib import Path

import click

from examples.safeguarding.scenario import write_scenario


@click.command()
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the six CSV files.",
)
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same files.")
@click.option(
    "--records-per-agency",
    default=4000,
    show_default=True,
    type=click.IntRange(10, 200_000),
    help="Records in each agency's file.",
)
def main(out: Path, seed: int, records_per_agency: int) -> None:
    """Write five agencies' extracts and the truth.

    Example: python -m examples.safeguarding --out scenario --seed 1
    """
    write_scenario(out, seed=seed, records_per_agency=records_per_agency)
    click.echo(f"wrote {5 * records_per_agency} records and the truth to {out}", err=True)


if __name__ == "__main__":
    main()
