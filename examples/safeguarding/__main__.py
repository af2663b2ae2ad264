"""Write the scenario from the command line."""

from pathlib import Path

import click

from examples.safeguarding.options import scenario_options
from examples.safeguarding.scenario import write_scenario


@click.command()
@scenario_options(out="Folder for the six CSV files.", records=4000, least=10, most=200_000)
def main(out: Path, seed: int, records_per_agency: int) -> None:
    """Write five agencies' extracts and the truth.

    Example: python -m examples.safeguarding --out scenario --seed 1
    """
    write_scenario(out, seed=seed, records_per_agency=records_per_agency)
    click.echo(f"wrote {5 * records_per_agency} records and the truth to {out}", err=True)


if __name__ == "__main__":
    main()
