"""``agency-client cohort``: linked people under pseudonyms, and what of them may leave."""

from __future__ import annotations

import click

from agency_client.cli.cohort_release import release_check

_EXAMPLE = """\b
Example:
  agency-client cohort release-check missing.csv --cohort cohort-2026Q3
"""


@click.group(epilog=_EXAMPLE)
def cohort() -> None:
    """Check what may leave of a cohort: linked people under pseudonyms."""


cohort.add_command(release_check)
