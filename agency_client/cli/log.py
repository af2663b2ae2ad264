"""``agency-client log``: verify what was done with people's data, and hand it to a regulator."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import click

from agency_client.cli.failures import say
from agency_client.cli.keystore_options import keystore_options, opened
from agency_client.cli.log_text import as_text
from agency_client.cli.options import FILE, dry_run_option, format_option
from agency_client.log_export import export_log, writer_for
from agency_client.log_files import carried_keys, opened_bundle, read_keys, trust
from agency_client.log_report import LogReport, as_json
from agency_client.log_witness import verify_bundle_from, witness_bundle
from agency_client.outputs import refuse_unusable, write_alone
from linkage.audit.failures import BundleError, LogError
from linkage.audit.keys import LogKeys
from linkage.audit.verification import Trust, VerifiedBundle, verify_bundle
from linkage.errors import VerificationError

_EXAMPLE = """\b
Example:
  agency-client log verify log.txt --keys keys.txt --earlier last-quarter.txt
  agency-client log export log.txt --keys keys.txt --out log.csv
  agency-client log witness log.txt --keys keys.txt --out log.police.note
"""

_Command = Callable[..., Any]


def _against(command: _Command) -> _Command:
    """Add the options that say what a bundle is verified against, except the keys."""
    witnesses = click.option(
        "--witnesses",
        type=click.IntRange(min=0),
        help="Least number of witnesses who must have signed; all in the file of keys, if not set.",
    )
    earlier = click.option(
        "--earlier",
        type=FILE,
        help="A checkpoint or a bundle from before: nothing in it may have changed since.",
    )
    return witnesses(earlier(command))


@click.group(epilog=_EXAMPLE)
def log() -> None:
    """Verify the log of what was done with people's data, and hand it to a regulator."""


@log.command(epilog="\b\nExample:\n  agency-client log verify log.txt --keys keys.txt")
@click.argument("bundle", type=FILE)
@click.option(
    "--keys",
    type=FILE,
    help="The log's verifier key and those of the witnesses, one a line, as you got them from the "
    "operator and the agencies themselves.",
)
@_against
@format_option
@click.pass_context
def verify(
    ctx: click.Context,
    *,
    bundle: Path,
    keys: Path | None,
    witnesses: int | None,
    earlier: Path | None,
    output: Literal["text", "json"],
) -> None:
    """Verify a log BUNDLE that you have downloaded: every event, offline.

    Says what was checked, what that means, and how much of what was done, by whom and when. Exit
    code 3 if a check fails, or if you have given no keys: what a bundle says of itself proves
    nothing.
    """
    if keys is None:
        against = trust(_carried(bundle), witnesses or 0, earlier)
    else:
        against = trust(read_keys(keys), witnesses, earlier)
    verified, failure = _verify(bundle, against)
    report = LogReport(against, keys is not None, verified, failure)
    click.echo(json.dumps(as_json(report)) if output == "json" else as_text(report))
    if not report.verified:
        say(report.verdict)
        ctx.exit(VerificationError.exit_code)


@log.command(
    epilog="\b\nExample:\n  agency-client log export log.txt --keys keys.txt --out log.csv"
)
@click.argument("bundle", type=FILE)
@click.option("--keys", required=True, type=FILE, help="The verifier keys, as for 'log verify'.")
@click.option("--out", required=True, type=FILE, help="File to write, .csv or .json.")
@click.option("--dry-run", is_flag=True, help="Verify, and write nothing.")
@_against
@format_option
def export(
    *,
    bundle: Path,
    keys: Path,
    out: Path,
    dry_run: bool,
    witnesses: int | None,
    earlier: Path | None,
    output: Literal["text", "json"],
) -> None:
    """Verify a log BUNDLE and write its events as a table for a regulator.

    Nothing is written if a check fails. In CSV, cells that a spreadsheet would run as a formula
    begin with an apostrophe.
    """
    writer_for(out)
    refuse_unusable((out,), (bundle, keys) if earlier is None else (bundle, keys, earlier))
    against = trust(read_keys(keys), witnesses, earlier)
    if dry_run:
        with opened_bundle(bundle) as lines:
            verified = verify_bundle(lines, bundle.name, against)
    else:
        verified = export_log(bundle, against, out)
    outcome = {"events": verified.summary.events, "out": None if dry_run else str(out)}
    done = "would be written" if dry_run else "written"
    sentence = f"{verified.summary.events:,} verified events {done} to {out}"
    click.echo(json.dumps(outcome) if output == "json" else sentence)


@log.command(
    epilog="\b\nExample:\n  agency-client log witness log.txt --keys keys.txt --out log.police.note"
)
@click.argument("bundle", type=FILE)
@click.option("--keys", required=True, type=FILE, help="The verifier keys, as for 'log verify'.")
@click.option("--out", required=True, type=FILE, help="File for the signed checkpoint.")
@keystore_options
@dry_run_option
@format_option
def witness(
    *,
    bundle: Path,
    keys: Path,
    out: Path,
    keystore: Path,
    passphrase_file: Path | None,
    dry_run: bool,
    output: Literal["text", "json"],
) -> None:
    """Verify a log BUNDLE and sign, with your own key, that you have seen this state of it.

    Your keystore remembers the state, and refuses any later bundle that doesn't contain it. Send
    the file to the log's operator, who adds your signature to the checkpoint: then nobody can be
    shown another history without your word being missing. 'identity' shows the key to give to
    those who verify.
    """
    refuse_unusable((out,), (bundle, keys))
    store = opened(keystore, passphrase_file)
    if dry_run:
        state = verify_bundle_from(store, bundle, read_keys(keys))
    else:
        done = witness_bundle(store, bundle, read_keys(keys), int(datetime.now(UTC).timestamp()))
        state = done.checkpoint
        write_alone(out, done.note.to_bytes())
    outcome = {"log": state.origin, "events": state.size, "out": None if dry_run else str(out)}
    verb = "would be witnessed" if dry_run else "witnessed"
    click.echo(
        json.dumps(outcome)
        if output == "json"
        else f"{state.size:,} events of {state.origin} verified and {verb} by {store.identity.name}"
    )


def _carried(bundle: Path) -> LogKeys:
    try:
        return carried_keys(bundle)
    except LogError as error:
        raise BundleError(bundle.name, 1, "form", None, error) from error


def _verify(bundle: Path, against: Trust) -> tuple[VerifiedBundle | None, BundleError | None]:
    with opened_bundle(bundle) as lines:
        try:
            return verify_bundle(lines, bundle.name, against), None
        except BundleError as failure:
            return None, failure
