"""``agency-client secret``: the linkage secret of an epoch."""

from __future__ import annotations

from pathlib import Path

import click

from agency_client.cli.failures import say
from hashing.secret import create_secret

_EXAMPLE = """\b
Example:
  agency-client secret create --out secret.key
"""


@click.group(epilog=_EXAMPLE)
def secret() -> None:
    """Make the linkage secret that the agencies of a project share."""


@secret.command(epilog=_EXAMPLE)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="New file for the secret."
)
def create(out: Path) -> None:
    """Write a new secret to a file that only you can read.

    One agency makes it and hands it to the other agencies, never to the matcher: whoever has the
    secret can test who is behind an encoding.
    """
    create_secret(out)
    say(f"wrote a new secret to {out}; give it to the other agencies, never to the matcher.")
