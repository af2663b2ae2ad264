"""``agency-client cohort``: linked people under pseudonyms, for analysts."""

from __future__ import annotations

import click

from agency_client.cli.cohort.pulling import list_, pull

_EXAMPLE = """\b
Example:
  agency-client cohort pull --agreement agreement.toml --purpose safeguarding-exploitation \\
      --reference "MACE 12" --reason "Quarterly profile of missing children." --out cohort-2026Q3
  agency-client cohort list --agreement agreement.toml
"""


@click.group(epilog=_EXAMPLE)
def cohort() -> None:
    """Pull cohorts of linked people under pseudonyms, and let counts of them out."""


for _command in (list_, pull):
    cohort.add_command(_command)
