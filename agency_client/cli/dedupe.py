"""``agency-client dedupe``: copies of the same person in an extract."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agency_client.cli.failures import say

if TYPE_CHECKING:  # loaded when it is called: help needn't wait for what compares records
    from agency_client.dedupe.job import Dedupe, DedupeRequest, DedupeResult
    from agency_client.dedupe.review import Decision, ReviewPair

_FILE = click.Path(path_type=Path)
_ANSWERS: dict[str, Decision] = {"s": "same", "d": "different"}

_EXAMPLE = """\b
Example:
  agency-client dedupe police.csv --agreement agreement.toml --columns columns.toml \\
      --out clean.csv --review review.csv
  agency-client dedupe police.csv --agreement agreement.toml --columns columns.toml \\
      --decisions review.csv --out clean.csv --review review.csv
"""


@click.command(epilog=_EXAMPLE)
@click.argument("extract", type=_FILE)
@click.option("--agreement", required=True, type=_FILE, help="The linkage agreement (TOML).")
@click.option("--out", required=True, type=_FILE, help="File for the cleaned extract (CSV).")
@click.option("--review", required=True, type=_FILE, help="File for the pairs to judge (CSV).")
@click.option("--columns", type=_FILE, help="Your names for the agreement's fields (TOML).")
@click.option("--decisions", type=_FILE, help="A review list with 'same' or 'different' filled in.")
@click.option("--interactive", is_flag=True, help="Judge the pairs here, one by one.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of the summary on standard output.",
)
def dedupe(  # noqa: PLR0913 - one parameter per option
    *,
    extract: Path,
    agreement: Path,
    out: Path,
    review: Path,
    columns: Path | None,
    decisions: Path | None,
    interactive: bool,
    output: Literal["text", "json"],
) -> None:
    """Find copies of the same person in EXTRACT, and bring them under one record id.

    What is sure is merged; pairs in doubt go into the review list. Fill in its last column with
    'same' or 'different' and hand it back with --decisions, or judge with --interactive. Encode
    the outcome with repeats = "alternates" in the column map.
    """
    for option, path in (("--out", out), ("--review", review)):
        if not path.name:
            raise click.BadParameter("it needs a file name", param_hint=option)
    from agency_client.dedupe.job import DedupeRequest, start_dedupe

    request = DedupeRequest(extract, agreement, out, review, columns, decisions)
    with Console(stderr=True).status("starting") as status:
        job = start_dedupe(request, status.update)
    result = job.write(job.merged())
    if interactive:
        result = _ask(job, result)
    for warning in result.warnings:
        say(warning)
    click.echo(_as_json(result, request) if output == "json" else _as_text(result, request))


def _ask(job: Dedupe, result: DedupeResult) -> DedupeResult:
    """Ask about the pairs, likeliest first; both files are written anew after each answer."""
    console = Console(stderr=True)
    skipped: set[tuple[int, int]] = set()
    while True:
        pairs = job.open_pairs(job.merged())
        waiting = [pair for pair in pairs if (pair.left, pair.right) not in skipped]
        if not waiting:
            return result
        pair = waiting[0]
        _show(console, pair, len(waiting))
        answer = click.prompt(
            "(s)ame, (d)ifferent, s(k)ip or (q)uit",
            type=click.Choice(["s", "d", "k", "q"]),
            show_choices=False,
            err=True,
        )
        if answer == "q":
            return result
        if answer == "k":
            skipped.add((pair.left, pair.right))
            continue
        job.decided[pair.left, pair.right] = _ANSWERS[answer]
        result = job.write(job.merged())


def _show(console: Console, pair: ReviewPair, waiting: int) -> None:
    table = Table(title=f"{waiting:,} to judge · probability {pair.probability:.2f}")
    for heading in ("", escape(pair.ids[0]), escape(pair.ids[1])):
        table.add_column(heading)
    for name, one, other in pair.values:
        table.add_row(escape(name), escape(one), escape(other))
    console.print(table)
    console.print(pair.why, markup=False)


def _as_json(result: DedupeResult, request: DedupeRequest) -> str:
    counts = {name: value for name, value in asdict(result).items() if name != "warnings"}
    return json.dumps({**counts, "out": str(request.out), "review": str(request.review)})


def _as_text(result: DedupeResult, request: DedupeRequest) -> str:
    return "\n".join(
        [
            f"{result.rows:,} records, {result.people:,} people as merged",
            f"cleaned  {request.out} ({result.kept:,} rows; rows that say the same are kept once)",
            f"review   {request.review} ({result.to_review:,} pairs to judge, {result.likely:,} of "
            f"them likely, {result.decided:,} decided)",
        ]
    )
