"""``cohort list`` and ``cohort pull``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from agency_client.cli.failures import say
from agency_client.cli.matcher_options import (
    Desk,
    agreement_option,
    connected,
    desk_options,
    witness_quietly,
)
from agency_client.cli.options import FILE, dry_run_option, format_option
from agency_client.matcher_api.exchange import fetch_signatures
from agency_client.textfiles import read_text
from linkage.protocol.agreement import Agreement, parse_agreement

if TYPE_CHECKING:
    from agency_client.cohort.pulling.pull import Pull, Written
    from agency_client.matcher_api.api import MatcherApi
    from linkage.protocol.cohort.messages import CohortRequest
    from linkage.protocol.cohort.replies import CohortEntry

_PULL_EXAMPLE = """\b
Example:
  agency-client cohort pull --agreement agreement.toml --purpose safeguarding-exploitation \\
      --reference "MACE 12" --reason "Quarterly profile of missing children." --out cohort-2026Q3
"""


@click.command(
    "list", epilog="\b\nExample:\n  agency-client cohort list --agreement agreement.toml"
)
@agreement_option
@desk_options
@format_option
def list_(*, agreement: Path, desk: Desk, output: Literal["text", "json"]) -> None:
    """List the cohorts that were pulled: an analyst its own, a data protection officer all."""
    with _at_work(agreement, desk, over=True) as (pulling, _):
        found = pulling.api.listed().cohorts
    if output == "json":
        click.echo(json.dumps([_entry(own) for own in found]))
        return
    for own in found:
        agencies = ", ".join(own.agencies) or "nobody"
        click.echo(
            f"{own.id}  {_moment(own.pulled)}  {own.analyst}, {own.purpose} ({own.reference}), "
            f"round {own.round}, payload of {agencies}, {own.state}"
        )


@click.command(epilog=_PULL_EXAMPLE)
@agreement_option
@click.option("--purpose", help="A purpose code of the agreement; needed if it has several.")
@click.option("--reference", help="The analysis or meeting; it isn't put in the log.")
@click.option("--reason", help="Why it is needed, without naming anybody; goes in the log.")
@click.option("--cohort", "again", metavar="ID", help="Fetch one of your cohorts once more.")
@click.option("--out", required=True, type=FILE, help="The folder to make.")
@desk_options
@dry_run_option
@format_option
def pull(  # noqa: PLR0913 - one parameter per option
    *,
    agreement: Path,
    purpose: str | None,
    reference: str | None,
    reason: str | None,
    again: str | None,
    out: Path,
    desk: Desk,
    dry_run: bool,
    output: Literal["text", "json"],
) -> None:
    """Pull a cohort of the newest finished run, verify all of it, and write its folder.

    In the folder are tables (Parquet), dictionary.csv that explains them, cohort.json, and
    overview.html to begin with. The people have pseudonyms of this cohort alone, and each a
    probability that the records linked as theirs are one person's. The matcher's signature, its
    log, the agencies' signatures and seals, and every value are verified; exit code 3, and nothing
    written, where anything doesn't hold.

    That you pulled it, and why, stands in the log. If fetching broke off, give its id with --cohort
    (see 'cohort list') in place of the purpose, reference and reason: nothing new is logged.
    """
    from agency_client.cohort.pulling.directory import refuse_unusable_folder

    given = (purpose, reference, reason)
    if (again is None) == (reference is None or reason is None) or (again and any(given)):
        raise click.UsageError("give --reference and --reason (and --purpose), or else --cohort")
    refuse_unusable_folder(out)
    with _at_work(agreement, desk, over=again is not None) as (pulling, api):
        request = None if again else _request(pulling, purpose, str(reference), str(reason))
        if dry_run:
            _tell_unasked(request, pulling.agreement, out, output)
            return
        written = pulling.write(again or _asked(pulling, request), out)
        witness_quietly(api)
    _tell(written, out, output)


@contextmanager
def _at_work(file: Path, desk: Desk, *, over: bool = False) -> Iterator[tuple[Pull, MatcherApi]]:
    from agency_client.cohort.pulling.pull import Pull
    from agency_client.disclosures.office import agreed, utc_now
    from agency_client.matcher_api.cohorts import CohortsApi

    place, store = desk.matcher_place(), desk.opened()
    with connected(place, store) as api:
        fetch_signatures(api, parse_agreement(read_text(file), file.name), file)
        found = agreed(store, file, utc_now().date(), over=over)
        calls = CohortsApi(api.connection, found.digest())
        yield Pull(calls, found, store.identity, say), api


def _request(pulling: Pull, purpose: str | None, reference: str, reason: str) -> CohortRequest:
    from agency_client.cohort.pulling.pull import Reasons

    codes = pulling.agreement.agreement.purpose_codes
    if purpose is None and len(codes) != 1:
        raise click.UsageError(f"give --purpose, one of {', '.join(codes)}")
    at = int(datetime.now(UTC).timestamp())
    return pulling.request(Reasons(purpose or codes[0], reference, reason), at)


def _asked(pulling: Pull, request: CohortRequest | None) -> str:
    """Have the cohort made; say its id at once, by which it can be fetched again."""
    assert request is not None
    cohort: str = pulling.ask(request).id
    say(f"the cohort is {cohort}.")
    return cohort


def _tell_unasked(
    request: CohortRequest | None, agreement: Agreement, out: Path, output: str
) -> None:
    what = "fetch a cohort again" if request is None else f"pull a cohort for {request.purpose}"
    say(f"would {what} into {out}; nothing was asked for.")
    if output == "json":
        click.echo(json.dumps({"agreement": agreement.digest(), "out": str(out)}))


def _tell(written: Written, out: Path, output: str) -> None:
    cohort = written.verified.cohort
    if output == "json":
        told = {"id": cohort.id, "round": cohort.round, "run": cohort.run, "out": str(out)}
        click.echo(json.dumps(told | {"rows": written.rows}))
        return
    for name, rows in written.rows.items():
        click.echo(f"{name:<13}{rows:>12,} rows")
    click.echo(f"all verified; begin with {out / 'overview.html'}")


def _entry(own: CohortEntry) -> dict[str, Any]:
    return asdict(own) | {"pulled": _moment(own.pulled)}


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
