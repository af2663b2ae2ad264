"""``agency-client check``: what an extract holds, and what to mend before it is encoded."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

import click

from agency_client.checking.check import CheckReport, check_extract
from agency_client.checking.damage import damaged_csv
from agency_client.checking.table import STANDARD_FIELDS, plan_of
from agency_client.checking.verdict import judge
from agency_client.cli.check_json import as_json
from agency_client.cli.check_text import print_report
from agency_client.cli.failures import say
from agency_client.columns import parse_column_map
from agency_client.extract import read_extract
from agency_client.textfiles import read_text
from linkage.errors import InputError, VerificationError
from linkage.protocol.agreement import parse_agreement

_FILE = click.Path(path_type=Path)
_MENDS_LEFT = VerificationError.exit_code
_OWNER_ONLY = 0o600

_EXAMPLE = """\b
Example:
  agency-client check police.csv --agreement agreement.toml \\
      --columns-out columns.toml
  agency-client check police.csv --agreement agreement.toml \\
      --columns columns.toml --bad-rows-out bad-rows.csv
"""


@click.command(epilog=_EXAMPLE)
@click.argument("extract", type=_FILE)
@click.option("--agreement", type=_FILE, help="The linkage agreement (TOML).")
@click.option("--columns", type=_FILE, help="Your names for the fields (TOML).")
@click.option("--columns-out", type=_FILE, help="New file for the proposed column map.")
@click.option("--bad-rows-out", type=_FILE, help="New file that lists every damaged cell (CSV).")
@click.option("--sample", is_flag=True, help="Show values before and after, on the terminal only.")
@click.option("--force", is_flag=True, help="Replace files that exist without asking.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of the report on standard output; JSON holds no values.",
)
def check(  # noqa: PLR0913 - one parameter per option
    *,
    extract: Path,
    agreement: Path | None,
    columns: Path | None,
    columns_out: Path | None,
    bad_rows_out: Path | None,
    sample: bool,
    force: bool,
    output: Literal["text", "json"],
) -> None:
    """Say what EXTRACT holds, and what to mend or decide before it is encoded.

    A column map is proposed from headings and contents unless you give yours. Nothing is written
    unless you name a file for it. Exit code 0: it can be encoded as it is; 3: something must be
    mended or decided.
    """
    if columns and columns_out:
        raise click.UsageError("--columns-out proposes a map and --columns gives one; leave one.")
    if sample and (output == "json" or not sys.stdout.isatty()):
        raise click.UsageError(
            "--sample shows people's values, so it works only in text and on a terminal; leave "
            "out --format json, and don't send the output to a file or another program."
        )
    _refuse_inputs((columns_out, bad_rows_out), (extract, agreement, columns))
    report = _checked(extract, agreement, columns)
    map_written = columns_out is not None and _write(
        columns_out, report.columns_toml(reasons=True), force=force
    )
    if bad_rows_out:
        _write(bad_rows_out, damaged_csv(report.damaged), force=force)
    verdict = judge(report, map_written=map_written)
    if output == "json":
        click.echo(as_json(report, verdict))
    else:
        print_report(report, verdict, sample=sample, map_written=map_written)
    if not verdict.ready:
        click.get_current_context().exit(_MENDS_LEFT)


def _checked(extract: Path, agreement: Path | None, columns: Path | None) -> CheckReport:
    plan = STANDARD_FIELDS
    if agreement:
        agreed = parse_agreement(read_text(agreement), agreement.name)
        plan = plan_of(agreed.scheme, f"the agreement {agreed.agreement.id!r}")
    given = parse_column_map(read_text(columns), columns.name) if columns else None
    return check_extract(read_extract(extract), plan, given)


def _refuse_inputs(outputs: tuple[Path | None, ...], inputs: tuple[Path | None, ...]) -> None:
    taken = {path.resolve() for path in inputs if path}
    for path in filter(None, outputs):
        if path.resolve() in taken:
            raise InputError(f"{path} is another file of this command; choose another name.")
        taken.add(path.resolve())


def _write(path: Path, text: str, *, force: bool) -> bool:
    """Write a file that only its owner can read, and say whether; ask before replacing one."""
    if path.exists() and not force:
        if not sys.stdin.isatty():
            raise InputError(f"{path} exists; choose another name, or replace it with --force.")
        if not click.confirm(f"{path} exists. Replace it?", err=True):
            say(f"{path} is left as it was.")
            return False
    path.unlink(missing_ok=True)
    # O_EXCL: never through a link or into a file that somebody else has made readable.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as sink:
        sink.write(text)
    say(f"wrote {path}.")
    return True
