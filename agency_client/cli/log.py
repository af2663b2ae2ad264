"""``agency-client log``: verify what was done with people's data, and hand it to a regulator."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, Literal

import click

from agency_client.cli.failures import say
from agency_client.cli.log_source import Source, bundle_from
from agency_client.cli.log_text import as_text
from agency_client.cli.matcher_options import Desk, desk_options
from agency_client.cli.options import FILE, dry_run_option, format_option
from agency_client.log_export import export_log, writer_for
from agency_client.log_files import carried_keys, opened_bundle, read_keys, trust
from agency_client.log_report import LogReport, as_json
from agency_client.log_witness import verify_bundle_from, witness_bundle
from agency_client.outputs import refuse_unusable, write_alone
from linkage.audit.checkpoint import Checkpoint
from linkage.audit.failures import BundleError, LogError
from linkage.audit.keys import LogKeys
from linkage.audit.verification import Trust, VerifiedBundle, verify_bundle
from linkage.errors import VerificationError

_EXAMPLE = """\b
Example:
  agency-client log verify log.txt --keys keys.txt --earlier last-quarter.txt
  agency-client log export log.txt --keys keys.txt --out log.csv
  agency-client log witness log.txt --keys keys.txt --out log.police.note
  agency-client log verify --matcher https://matcher.example --log-key 'matcher.example/log+...'
"""

_Command = Callable[..., Any]


@dataclass(frozen=True)
class _Against:
    """What the person at the terminal has to hold against a bundle."""

    keys: Path | None
    witnesses: int | None
    earlier: Path | None

    @property
    def files(self) -> list[Path]:
        return [path for path in (self.keys, self.earlier) if path is not None]

    def trust(self, source: Source, *, carried: bool = False) -> Trust:
        """Return what is trusted; with ``carried`` and nothing else, the keys of the bundle."""
        if self.keys is None and source.place is None and not carried:
            raise click.UsageError("give the verifier keys with --keys")
        if self.keys is None and source.place is None:
            return trust(_carried(source.path), self.witnesses or 0, self.earlier)
        own = read_keys(self.keys) if self.keys else LogKeys(source.known_key)
        found = trust(own, self.witnesses, self.earlier)
        return replace(found, earlier=found.earlier or source.seen)


def _against(command: _Command) -> _Command:
    """Add the options that say what a bundle is verified against, which come as ``against``."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        own = {field.name: options.pop(field.name) for field in fields(_Against)}
        return command(*args, against=_Against(**own), **options)

    keys = click.option(
        "--keys",
        type=FILE,
        help="The log's verifier key and those of the witnesses, one a line, as you got them from "
        "the operator and the agencies themselves.",
    )
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
    return keys(witnesses(earlier(run)))


@click.group(epilog=_EXAMPLE)
def log() -> None:
    """Verify the log of what was done with people's data, and hand it to a regulator."""


@log.command(epilog="\b\nExample:\n  agency-client log verify log.txt --keys keys.txt")
@click.argument("bundle", type=FILE, required=False)
@_against
@desk_options
@format_option
@click.pass_context
def verify(
    ctx: click.Context,
    /,
    *,
    bundle: Path | None,
    against: _Against,
    desk: Desk,
    output: Literal["text", "json"],
) -> None:
    """Verify a log BUNDLE that you have downloaded, offline; without one, that of your matcher.

    Says what was checked, what that means, and how much of what was done, by whom and when. Exit
    code 3 if a check fails, or if you have given no keys: what a bundle says of itself proves
    nothing. Your matcher's must also contain whatever your keystore has seen of it before.
    """
    with bundle_from(bundle, desk) as source:
        held = against.trust(source, carried=True)
        verified, failure = _verify(source.path, held)
    known = against.keys is not None or source.place is not None
    report = LogReport(held, known, verified, failure)
    click.echo(json.dumps(as_json(report)) if output == "json" else as_text(report))
    if not report.verified:
        say(report.verdict)
        ctx.exit(VerificationError.exit_code)


@log.command(
    epilog="\b\nExample:\n  agency-client log export log.txt --keys keys.txt --out log.csv"
)
@click.argument("bundle", type=FILE, required=False)
@click.option("--out", required=True, type=FILE, help="File to write, .csv or .json.")
@click.option("--dry-run", is_flag=True, help="Verify, and write nothing.")
@_against
@desk_options
@format_option
def export(
    *,
    bundle: Path | None,
    out: Path,
    dry_run: bool,
    against: _Against,
    desk: Desk,
    output: Literal["text", "json"],
) -> None:
    """Verify a log BUNDLE, or your matcher's, and write its events as a table for a regulator.

    Nothing is written if a check fails. In CSV, cells that a spreadsheet would run as a formula
    begin with an apostrophe.
    """
    writer_for(out)
    refuse_unusable((out,), [*([bundle] if bundle else []), *against.files])
    with bundle_from(bundle, desk) as source:
        held = against.trust(source)
        if dry_run:
            with opened_bundle(source.path) as lines:
                verified = verify_bundle(lines, source.path.name, held)
        else:
            verified = export_log(source.path, held, out)
    outcome = {"events": verified.summary.events, "out": None if dry_run else str(out)}
    done = "would be written" if dry_run else "written"
    sentence = f"{verified.summary.events:,} verified events {done} to {out}"
    click.echo(json.dumps(outcome) if output == "json" else sentence)


@log.command(
    epilog="\b\nExample:\n  agency-client log witness log.txt --keys keys.txt --out log.police.note"
)
@click.argument("bundle", type=FILE, required=False)
@click.option("--keys", type=FILE, help="The verifier keys, as for 'log verify'.")
@click.option("--out", type=FILE, help="File for the signed checkpoint; needed for a BUNDLE.")
@desk_options
@dry_run_option
@format_option
def witness(
    *,
    bundle: Path | None,
    keys: Path | None,
    out: Path | None,
    desk: Desk,
    dry_run: bool,
    output: Literal["text", "json"],
) -> None:
    """Verify a log BUNDLE and sign, with your own key, that you have seen this state of it.

    Your keystore remembers the state, and refuses any later bundle that doesn't contain it. Send
    the file to the log's operator, who adds your signature to the checkpoint: then nobody can be
    shown another history without your word being missing. 'identity' shows the key to give to
    those who verify. Without a BUNDLE, your matcher's log is verified and your signature handed in
    there.
    """
    if bundle is None:
        state, name = _witness_matcher(desk, keys, dry_run)
    else:
        state, name = _witness_file(bundle, desk, keys, out, dry_run)
    written = None if dry_run or out is None or bundle is None else str(out)
    outcome = {"log": state.origin, "events": state.size, "out": written}
    verb = "would be witnessed" if dry_run else "witnessed"
    click.echo(
        json.dumps(outcome)
        if output == "json"
        else f"{state.size:,} events of {state.origin} verified and {verb} by {name}"
    )


def _witness_file(
    bundle: Path, desk: Desk, keys: Path | None, out: Path | None, dry_run: bool
) -> tuple[Checkpoint, str]:
    if keys is None or out is None:
        raise click.UsageError("give --keys and --out with a BUNDLE")
    refuse_unusable((out,), (bundle, keys))
    store = desk.opened()
    if dry_run:
        return verify_bundle_from(store, bundle, read_keys(keys)), store.identity.name
    done = witness_bundle(store, bundle, read_keys(keys), _now())
    write_alone(out, done.note.to_bytes())
    return done.checkpoint, store.identity.name


def _witness_matcher(desk: Desk, keys: Path | None, dry_run: bool) -> tuple[Checkpoint, str]:
    with bundle_from(None, desk) as source:
        own = read_keys(keys) if keys else LogKeys(source.known_key)
        with opened_bundle(source.path) as lines:
            state = verify_bundle(lines, source.path.name, Trust(own, 0, source.seen)).checkpoint
        assert source.api is not None
        if not dry_run:
            source.api.witness(_now())
        return state, source.api.connection.store.identity.name


def _now() -> int:
    return int(datetime.now(UTC).timestamp())


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
