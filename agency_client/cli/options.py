"""The options that many commands share."""

from __future__ import annotations

from pathlib import Path

import click

FILE = click.Path(path_type=Path)

format_option = click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of the outcome on standard output.",
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Check everything and say what would be written; write nothing."
)
