"""``agency-client cohort release-check``: whether a table may leave, and why not."""

from __future__ import annotations

import hashlib
import json
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from agency_client.cli.failures import say
from agency_client.cli.options import FILE, format_option
from agency_client.outputs import refuse_unusable, write_alone
from linkage.errors import InputError

if TYPE_CHECKING:
    from agency_client.cohort.release.checking import Checked

_CHECK_FAILED = 3
_EXAMPLE = """\b
Example:
  agency-client cohort release-check missing.csv --cohort cohort-2026Q3
  agency-client cohort release-check missing.csv --cohort cohort-2026Q3 --out missing-safe.csv
"""


@click.command("release-check", epilog=_EXAMPLE)
@click.argument("table", type=FILE)
@click.option("--cohort", "folder", type=FILE, help="The cohort's folder; else one above TABLE's.")
@click.option("--out", type=FILE, help="Write the table as it may leave, and put it on record.")
@click.option("--record", is_flag=True, help="Put a table that is safe as it is on record.")
@format_option
def release_check(
    *, table: Path, folder: Path | None, out: Path | None, record: bool,
    output: Literal["text", "json"],
) -> None:  # fmt: skip
    """Check whether a table of a cohort may leave, and say why each cell is withheld.

    TABLE is a CSV file that Cohort.table(...).write(...) wrote. Its counts are counted anew and
    held against the agreement's rules and all that was released before. Exit code 0 if it is safe
    or --out has written a table that is, 3 if it would have to be changed or is refused.
    """
    from agency_client.cohort.release.ledger import releasing

    cohort = folder or _cohort_above(table)
    if out is not None:
        refuse_unusable([out], [table])
    with releasing(cohort) if out is not None or record else nullcontext():
        leaves = _check(table, cohort, out, record, output)
    if not leaves:
        click.get_current_context().exit(_CHECK_FAILED)


def _check(
    table: Path, cohort: Path, out: Path | None, record: bool, output: Literal["text", "json"]
) -> bool:
    """Check, say and release; return whether the table may leave, or one that is written may."""
    from agency_client.cohort.analysis.frames import read_frames
    from agency_client.cohort.release.checking import check_table
    from agency_client.cohort.release.words import as_json, as_text

    checked = check_table(table, read_frames(cohort))
    click.echo(json.dumps(as_json(checked)) if output == "json" else as_text(checked))
    if out is not None and checked.safe_cells is not None:
        _release(checked, cohort, out)
        return True
    if record and checked.is_safe:
        _put_on_record(checked, cohort)
    return checked.is_safe


def _release(checked: Checked, cohort: Path, out: Path) -> None:
    """Put the safe table on record, then write it: what isn't on record mustn't leave."""
    _put_on_record(checked, cohort)
    write_alone(out, checked.safe_text.encode())
    say(f"{out} may leave.")


def _put_on_record(checked: Checked, cohort: Path) -> None:
    from agency_client.cohort.release.ledger import add_release

    digest = hashlib.sha256(checked.safe_text.encode()).hexdigest()
    add_release(cohort, checked.table.spec, checked.shown, digest, datetime.now(UTC))


def _cohort_above(table: Path) -> Path:
    from agency_client.cohort.tables import COHORT_FILE

    for folder in table.resolve().parents:
        if (folder / COHORT_FILE).is_file():
            return folder
    raise InputError(f"{table} isn't in a cohort's folder; name the folder with --cohort.")
