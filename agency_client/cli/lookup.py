"""``agency-client lookup``: ask the other agencies about one person, and answer them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from agency_client.cli.failures import say
from agency_client.cli.lookup_answers import Wish, answer_all, column_map, confirmed, send, tell
from agency_client.cli.lookup_text import (
    entry_text,
    opened_json,
    opened_text,
    shown_json,
    shown_text,
    when,
)
from agency_client.cli.matcher_options import (
    Desk,
    agreement_option,
    connected,
    desk_options,
    witness_quietly,
)
from agency_client.cli.options import FILE, dry_run_option, format_option
from agency_client.keystore.store import OpenKeystore
from agency_client.keystore.vault import load_secret
from agency_client.linkage_secrets import read_signed_agreement, require_usable
from agency_client.matcher_api.exchange import fetch_signatures
from agency_client.textfiles import read_text
from linkage.protocol.agreement import Agreement, parse_agreement
from linkage.protocol.lookups.messages import Request, digest_of, sign_request
from linkage.protocol.lookups.rules import require_allowed, terms_of

if TYPE_CHECKING:
    from agency_client.lookups.book import LookupBook

Output = Literal["text", "json"]
_WITHIN = re.compile(r"([1-9][0-9]{0,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_columns = click.option(
    "--columns", type=FILE, help="Your names for the agreement's fields (TOML)."
)

_EXAMPLE = """\b
Example:
  agency-client lookup ask person.csv --agreement agreement.toml --reference "Strategy meeting" \\
      --necessity "A child is missing since last night" --within 2h
  agency-client lookup list --agreement agreement.toml
  agency-client lookup open 1f2e3d4c --agreement agreement.toml
"""


@click.group(epilog=_EXAMPLE)
def lookup() -> None:
    """Ask the other agencies about one person, or answer them.

    Whoever asks learns what others release, and nothing else: not who holds the person, and not who
    has refused. All answers come at one moment, which the request names.
    """


@lookup.command(
    epilog="\b\nExample:\n  agency-client lookup ask person.csv --agreement agreement.toml \\\n"
    '      --reference "Strategy meeting" --necessity "A child is missing" --within 2h'
)
@click.argument("person", type=click.Path(path_type=Path, allow_dash=True))
@agreement_option
@_columns
@click.option("--purpose", help="Purpose code; the agreement's, if it has only one.")
@click.option("--reference", required=True, help="The case or the meeting that it is for.")
@click.option(
    "--necessity",
    required=True,
    help="Why it takes a name, without naming anybody: the log keeps it for all parties.",
)
@click.option("--field", "fields", multiple=True, help="A field to ask for; all of them if none.")
@click.option(
    "--within",
    default="24h",
    show_default=True,
    help="When the answers are handed over: 30m, 2h, 3d from now.",
)
@desk_options
@dry_run_option
@format_option
def ask(  # noqa: PLR0913 - one parameter per option
    *,
    person: Path,
    agreement: Path,
    columns: Path | None,
    purpose: str | None,
    reference: str,
    necessity: str,
    fields: tuple[str, ...],
    within: str,
    desk: Desk,
    dry_run: bool,
    output: Output,
) -> None:
    """Ask about the one person in PERSON, a table of a line of headings and one of values.

    PERSON is a file, or - for CSV on standard input, so that nothing of the person is left in the
    history of a shell. The reply is always the same. Exit code 4 where the agreement doesn't allow
    it, or not any more today.
    """
    from agency_client.lookups.person import encode_person, open_person, typed_person

    seconds = _seconds(within)
    table = typed_person(sys.stdin.buffer) if str(person) == "-" else open_person(person)
    with _opened_book(agreement, desk) as (book, store):
        agreed = book.agreement
        secret = load_secret(store, agreed)
        encoding = encode_person(table, column_map(columns), agreed.scheme, secret)
        now = _now()
        request = Request(
            agreement=agreed.digest(),
            epoch=agreed.agreement.epoch,
            scheme=agreed.scheme.digest(),
            encoding=digest_of(encoding),
            fields=tuple(sorted(set(fields) or set(terms_of(agreed).fields))),
            purpose=purpose or _only_purpose(agreed),
            reference=reference,
            necessity=necessity,
            at=now,
            until=now + seconds,
        )
        require_allowed(agreed, store.identity.name, request)
        if dry_run:
            say("the agreement allows it; nothing was sent.")
            return
        entry = book.lodge(sign_request(request, store.identity), encoding)
        _witness(book)
    if output == "json":
        click.echo(json.dumps({"id": entry.id, "state": entry.state, "until": entry.until}))
        return
    click.echo(
        f"lodged {entry.id[:16]}\nanswers are handed over at {when(entry.until)}; then: "
        f"agency-client lookup open {entry.id[:16]}"
    )


@lookup.command(
    "list", epilog="\b\nExample:\n  agency-client lookup list --agreement agreement.toml"
)
@agreement_option
@desk_options
@format_option
def list_(*, agreement: Path, desk: Desk, output: Output) -> None:
    """List the open lookups of other agencies, and all of your own.

    The list is the same for every agency, whether or not it knows the person.
    """
    with _opened_book(agreement, desk, to_read=True) as (book, store):
        entries = book.all()
    if output == "json":
        click.echo(json.dumps({"lookups": [asdict(own) for own in entries]}))
        return
    name = store.identity.name
    click.echo("\n".join(entry_text(own, name) for own in entries) or "no lookups")


@lookup.command(
    epilog="\b\nExample:\n  agency-client lookup show 1f2e3d4c --agreement agreement.toml"
)
@click.argument("identifier", metavar="ID")
@agreement_option
@click.option("--map", "map_file", type=FILE, help="Your private map, to see which records match.")
@desk_options
@format_option
def show(
    *, identifier: str, agreement: Path, map_file: Path | None, desk: Desk, output: Output
) -> None:
    """Show what a lookup asks, by whom and why, and how many of your records may be meant.

    Of a closed one the log's word is verified: that it has your answer as you gave it last, and
    when the asker was handed the answers.
    """
    from agency_client.lookups.answering import own_records
    from agency_client.lookups.notes import note_about
    from agency_client.lookups.opening import opening_of, require_own_entered

    with _opened_book(agreement, desk, to_read=True) as (book, store):
        found = book.read(book.find(identifier))
        records = list(own_records(map_file, found.matches).values()) if map_file else None
        note = note_about(store, found.id)
        own, closed = store.identity.name, found.file.state == "closed"
        opened = opening_of(book, found, own) if closed else None
        if closed and note is not None and note.given:
            require_own_entered(book, found, own, note.answer)
    shown = shown_json(found, records, note, opened)
    click.echo(json.dumps(shown) if output == "json" else shown_text(shown))


@lookup.command(
    epilog="\b\nExample:\n  agency-client lookup answer 1f2e3d4c --agreement agreement.toml \\\n"
    "      --extract police.csv --map police.map.parquet\n"
    "  agency-client lookup answer 1f2e3d4c --agreement agreement.toml --nothing \\\n"
    '      --reason "The family is under protection"\n'
    "  agency-client lookup answer --all-empty --agreement agreement.toml"
)
@click.argument("identifier", metavar="ID", required=False)
@agreement_option
@click.option("--extract", type=FILE, help="The extract whose encodings were pushed last.")
@click.option("--map", "map_file", type=FILE, help="The private map of those encodings.")
@_columns
@click.option("--record", "chosen", multiple=True, help="Release this record id only; repeatable.")
@click.option("--nothing", is_flag=True, help="Release nothing, whatever matches.")
@click.option("--reason", default="", help="Why something is kept back; stays in your keystore.")
@click.option(
    "--all-empty",
    is_flag=True,
    help="Give a first, empty answer to every lookup that you haven't answered.",
)
@click.option("--yes", is_flag=True, help="Don't ask before anything leaves.")
@desk_options
@dry_run_option
@format_option
def answer(  # noqa: PLR0913 - one parameter per option
    *,
    identifier: str | None,
    agreement: Path,
    extract: Path | None,
    map_file: Path | None,
    columns: Path | None,
    chosen: tuple[str, ...],
    nothing: bool,
    reason: str,
    all_empty: bool,
    yes: bool,
    desk: Desk,
    dry_run: bool,
    output: Output,
) -> None:
    """Answer another agency's lookup: release fields of the records that match, or nothing.

    What would leave is shown first. All answers have one size, and nobody but the asker can open
    yours. Until the lookup is closed you may answer anew. With --all-empty every lookup gets an
    answer at once, also those that match your records: run it often, so that when you answer tells
    nobody anything, and look at those that it names. Exit code 75 while a lookup isn't compared.
    """
    if (identifier is None) != all_empty or (nothing and extract is not None):
        raise click.UsageError("give either ID or --all-empty, and --nothing or --extract")
    wish = Wish(nothing, reason, chosen, extract, map_file, columns)
    with _opened_book(agreement, desk) as (book, store):
        if identifier is None:
            answer_all(book, store, output, dry_run=dry_run)
            return
        found = book.read(book.find(identifier))
        choice = wish.choose(found, book.agreement)
        if not confirmed(found, choice, yes=yes or dry_run) or dry_run:
            say("nothing was sent.")
            return
        send(book, store, found, choice)
    tell(found, choice, output)


@lookup.command(
    "open", epilog="\b\nExample:\n  agency-client lookup open 1f2e3d4c --agreement agreement.toml"
)
@click.argument("identifier", metavar="ID")
@agreement_option
@click.option("--out", type=FILE, help="File for the outcome (JSON), which only you can read.")
@desk_options
@format_option
def open_(
    *, identifier: str, agreement: Path, out: Path | None, desk: Desk, output: Output
) -> None:
    """Open the answers to your own lookup, once it is closed.

    Every answer is verified: who signed it, that it answers this request, and that the log has it.
    Exit code 75 before the lookup's time is over.
    """
    from agency_client.lookups.opening import open_lookup
    from agency_client.outputs import refuse_unusable, write_alone

    refuse_unusable(filter(None, (out,)), (agreement,))
    with _opened_book(agreement, desk, to_read=True) as (book, store):
        found = book.read(book.find(identifier))
        opened = open_lookup(book, found, store.identity)
    document = opened_json(found, opened)
    if out is not None:
        write_alone(out, json.dumps(document, indent=2).encode() + b"\n")
    click.echo(json.dumps(document) if output == "json" else opened_text(found, opened))


@contextmanager
def _opened_book(
    agreement: Path, desk: Desk, *, to_read: bool = False
) -> Iterator[tuple[LookupBook, OpenKeystore]]:
    """Open the lookups at the matcher, under an agreement that is in force unless only ``to_read``.

    What was asked while it was in force may be opened when it has ended.
    """
    from agency_client.lookups.book import LookupBook

    place, store = desk.matcher_place(), desk.opened()
    with connected(place, store) as api:
        agreed = parse_agreement(read_text(agreement), agreement.name)
        if not to_read:
            fetch_signatures(api, agreed, agreement)
            agreed = read_signed_agreement(agreement)
            require_usable(store, agreed)
        yield LookupBook(api.connection, agreed), store


def _witness(book: LookupBook) -> None:
    from agency_client.matcher_api.api import MatcherApi

    witness_quietly(MatcherApi(book.connection))


def _only_purpose(agreed: Agreement) -> str:
    codes = agreed.agreement.purpose_codes
    if len(codes) != 1:
        raise click.UsageError(f"say with --purpose which it is: {', '.join(codes)}")
    return codes[0]


def _seconds(within: str) -> int:
    found = _WITHIN.fullmatch(within)
    if found is None:
        raise click.BadParameter("such as 30m, 2h or 3d", param_hint="--within")
    return int(found[1]) * _SECONDS[found[2]]


def _now() -> int:
    return int(datetime.now(UTC).timestamp())
