"""The command ``report``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matcher.cli.options import FOLDER, example

if TYPE_CHECKING:
    from matcher.reports.desk import Form

# The command imports what it runs: help and refusals needn't wait for it.


@click.command("report", epilog=example("matcher report /srv/concord 3f9a0c12 --out run.pdf"))
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.argument("run", metavar="RUN")
@click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write, .html or .pdf; one that is there is replaced.",
)  # fmt: skip
def report_command(folder: Path, run: str, out: Path) -> None:
    """Write the report of a finished RUN, for a data protection officer to file.

    RUN is its id, or the beginning of it. The report says what was linked, under which clause of
    the agreement, how well, what was disclosed and to whom, what was refused, what is erased when,
    and how to verify it with the log's checkpoint. It holds no identifier and no token.
    """
    form = _form(out)
    from matcher.app.building import open_matcher
    from matcher.config.loading import load_settings
    from matcher.durable import replace_file

    services = open_matcher(load_settings(folder, os.environ, {}))
    try:
        found = services.runs.find(run)
        replace_file(out, services.reports.report(found.agreement, found.id, form))
    finally:
        services.database.close()
    click.echo(f"matcher: the report of run {found.id} is in {out}", err=True)


def _form(out: Path) -> Form:
    """Return what the file's name says that it shall be."""
    forms: dict[str, Form] = {".html": "html", ".pdf": "pdf"}
    if out.suffix not in forms:
        raise click.UsageError(f"--out is {out.name}; name a file that ends in .html or .pdf.")
    return forms[out.suffix]
