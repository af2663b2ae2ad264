"""``agency-client disclosures``: who is named to whom, from the proposal to what is given back."""

from __future__ import annotations

import click

from agency_client.cli.disclosures.asking import clusters, propose
from agency_client.cli.disclosures.deciding import approve, give_back, recall, refuse
from agency_client.cli.disclosures.handing import open_, release
from agency_client.cli.disclosures.looking import list_, show
from agency_client.cli.disclosures.protecting import protect

_EXAMPLE = """\b
Example:
  agency-client disclosures list --agreement agreement.toml
  agency-client disclosures show 3f9a2c41 --agreement agreement.toml
  agency-client disclosures approve 3f9a2c41 --agreement agreement.toml
  agency-client disclosures release 3f9a2c41 --agreement agreement.toml \\
      --extract police.csv --map police.map.parquet
"""


@click.group(epilog=_EXAMPLE)
def disclosures() -> None:
    """Propose, decide, release and open disclosures: people named to each other by agreement.

    ID is the beginning of a disclosure's id, 8 digits or more. Every command verifies all signed
    messages of it and their place in the matcher's log; exit code 3 where anything doesn't hold.
    """


for _command in (
    clusters, propose, list_, show, approve, refuse, release, open_, recall, give_back, protect,
):  # fmt: skip
    disclosures.add_command(_command)
