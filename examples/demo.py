"""The main job twice: on files alone, and between agencies through a matcher that serves."""

from __future__ import annotations

import time
from pathlib import Path

import click

from examples.offline import FEBRL, run
from examples.service import run_service

_RECORDS = 4000
_TITLE = f"""
── Safeguarding: five agencies, about {_RECORDS:,} simulated children each, through a matcher over
   HTTP, under an agreement that all have signed"""


@click.command()
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path))
def main(out: Path) -> None:
    """Run both demonstrations and leave their files in OUT."""
    started = time.monotonic()
    run(FEBRL, out / FEBRL.name)
    click.secho(_TITLE, bold=True)
    run_service((out / "safeguarding").absolute(), records_per_agency=_RECORDS)
    click.echo(f"\nBoth done in {time.monotonic() - started:.0f} s.")


if __name__ == "__main__":
    main()
