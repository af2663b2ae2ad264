"""The commands of ``agency-client``.

Results go to standard output, everything else to standard error after ``agency-client:``. Exit
codes: 0 done, 1 failed, 2 wrong usage, 3 a check failed, 4 refused by policy, 75 not
ready yet, 130 interrupted.
"""

from __future__ import annotations

import sys

import click

from agency_client.cli.failures import PROGRAM, FailingGroup

# Loaded when they are called: encoding needn't wait for what de-duplication imports.
_COMMANDS = {
    name: f"agency_client.cli.{name}"
    for name in (
        "agreement",
        "check",
        "console",
        "dedupe",
        "disclosures",
        "doctor",
        "encode",
        "identity",
        "init",
        "log",
        "lookup",
        "push",
        "scheme",
        "secret",
        "status",
    )
}

# The first line tells click to keep the lines below as they are.
_EXAMPLE = """\b
Example:
  agency-client secret create --out secret.key
  agency-client encode police.csv --agreement agreement.toml --agency police \\
      --secret-file secret.key --out police.arrow
"""


@click.group(cls=FailingGroup, name=PROGRAM, epilog=_EXAMPLE, modules=_COMMANDS)
def cli() -> None:
    """Encode an agency's records, so that they can be linked without being shown."""


def main() -> None:
    """Run the command line; ends the process with its exit code."""
    try:
        cli(prog_name=PROGRAM)
    except KeyboardInterrupt:
        sys.exit(130)
