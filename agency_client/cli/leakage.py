"""``agency-client leakage``: what an attacker could read off an extract's encodings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click
from rich.console import Console

from agency_client.cli.failures import say
from agency_client.leakage.job import LeakageRequest, report_leakage
from agency_client.leakage.record import verdict
from agency_client.leakage.verdict import require_no_leak

_FILE = click.Path(path_type=Path)

_EXAMPLE = """\b
Example:
  agency-client leakage police.csv --agreement agreement.toml --agency police \\
      --secret-file secret.key --columns columns.toml --out leakage.html
"""


@click.command(epilog=_EXAMPLE)
@click.argument("extract", type=_FILE)
@click.option("--agreement", required=True, type=_FILE, help="The linkage agreement (TOML).")
@click.option("--agency", required=True, help="Your agency's name in the agreement.")
@click.option("--secret-file", required=True, type=_FILE, help="The linkage secret.")
@click.option("--out", required=True, type=_FILE, help="Page for the report (HTML; JSON beside).")
@click.option("--columns", type=_FILE, help="Your names for the agreement's fields (TOML).")
@click.option("--overrule", help="Why the encodings may go all the same; goes on record.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of the summary on standard output.",
)
def leakage(  # noqa: PLR0913 - one parameter per option
    *,
    extract: Path,
    agreement: Path,
    agency: str,
    secret_file: Path,
    out: Path,
    columns: Path | None,
    overrule: str | None,
    output: Literal["text", "json"],
) -> None:
    """Attack the encodings of EXTRACT with its own records, and report what was recovered.

    The attacker of this rehearsal has a complete list of the people and no secret. Nothing leaves
    your machine. Exit code 3 if an attack recovers more than the limit.
    """
    if not out.name:
        raise click.BadParameter("it needs a file name", param_hint="--out")
    reason = (overrule or "").strip() or None
    request = LeakageRequest(extract, agreement, agency, secret_file, out, columns, reason)
    with Console(stderr=True).status("starting") as status:
        report = report_leakage(request, status.update)
    outcome = verdict(report, reason)
    if output == "json":
        click.echo(json.dumps({"verdict": outcome, "out": str(out), "json": str(request.json_out)}))
    else:
        click.echo(f"{outcome}; see {out}")
    if reason and not report.passed:
        say(f"over the limit, and overruled: {reason}")
    require_no_leak(report, reason)
