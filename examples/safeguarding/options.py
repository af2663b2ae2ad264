"""What both scenarios are asked for on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_Command = Callable[..., Any]


def scenario_options(*, out: str, records: int, least: int, most: int) -> Callable[..., _Command]:
    """Add ``--out``, which ``out`` explains, ``--seed`` and ``--records-per-agency``.

    ``records`` is how many there are by default, between ``least`` and ``most``.
    """
    options = (
        click.option(
            "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help=out
        ),
        click.option(
            "--seed", default=1, show_default=True, help="The same seed makes the same files."
        ),
        click.option(
            "--records-per-agency",
            default=records,
            show_default=True,
            type=click.IntRange(least, most),
            help="Records in each agency's file.",
        ),
    )

    def add(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add
