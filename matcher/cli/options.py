"""What several commands take: folders, files, and the form of what they print."""

from __future__ import annotations

from pathlib import Path

import click

FOLDER = click.Path(path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
format_option = click.option(
    "--format", "output", type=click.Choice(["text", "json"]), default="text",
    show_default=True, help="What stdout gets.",
)  # fmt: skip


def example(*lines: str) -> str:
    """Return a command's example for the end of its help, whose lines stay as they are."""
    # The backspace keeps click from filling the paragraph.
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)
