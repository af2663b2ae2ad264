"""``agency-client cohort``: linked people under pseudonyms, for analysts."""

from __future__ import annotations

import click

from agency_client.cli.cohort.pulling import list_, pull
from agency_client.cli.cohort.releasing import release_check

_EXAMPLE = """\b
Example:
  agency-client cohort pull --agreement agreement.toml --purpose safeguarding-exploitation \\
      --reference "MACE 12" --reason "Quarterly profile of missing children." --out cohort-2026Q3
  agency-client cohort list --agreement agreement.toml
  agency-client cohort release-check missing.csv --cohort cohort-2026Q3 --out missing-safe.csv
"""


@click.group(epilog=_EXAMPLE)
def cohort() -> None:
    """Pull cohorts of linked people under pseudonyms, and let counts of them out."""


for _command in (list_, pull, release_check):
    cohort.add_command(_command)
