"""What ``agency-client lookup answer`` decides, shows and sends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from agency_client.cli.lookup_text import leaving_text
from agency_client.columns import ColumnMap, parse_column_map
from agency_client.keystore.store import OpenKeystore
from agency_client.textfiles import read_text
from linkage.errors import InputError, NotReadyError
from linkage.protocol.agreement import Agreement

if TYPE_CHECKING:
    from agency_client.lookups.book import LookupBook, ReadLookup

Output = Literal["text", "json"]
Row = Mapping[str, str]


@dataclass(frozen=True)
class Choice:
    """What an agency gives: fields of records, or none, and why not all that match."""

    outcome: Literal["released", "refused", "nothing", "undecided"]
    records: tuple[dict[str, str], ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Wish:
    """What was said on the command line; ``only`` are the record ids to release, empty for all."""

    nothing: bool
    reason: str
    only: tuple[str, ...]
    extract: Path | None
    map_file: Path | None
    columns: Path | None

    def choose(self, found: ReadLookup, agreed: Agreement) -> Choice:
        """Return what is to be given; raises `NotReadyError` while nothing is compared."""
        if self.nothing:
            return self._withhold(found)
        if not found.file.compared:
            raise NotReadyError(
                "The lookup isn't compared with the newest run yet; try again in some seconds."
            )
        return self._release(found, agreed) if found.matches else Choice("nothing")

    def _withhold(self, found: ReadLookup) -> Choice:
        if found.matches and not self.reason:
            raise click.UsageError("say with --reason why nothing is released")
        return Choice("refused" if found.matches else "nothing", reason=self.reason)

    def _release(self, found: ReadLookup, agreed: Agreement) -> Choice:
        from agency_client.lookups.answering import fields_to_release, own_records

        if self.extract is None or self.map_file is None:
            raise click.UsageError("give --extract and --map, or --nothing")
        ids = list(dict.fromkeys(own_records(self.map_file, found.matches).values()))
        if strange := sorted(set(self.only) - set(ids)):
            raise InputError(
                f"{', '.join(strange)} isn't among the records that match; see 'lookup show'."
            )
        wanted = [own for own in ids if own in self.only] if self.only else ids
        if len(wanted) < len(ids) and not self.reason:
            raise click.UsageError("say with --reason why not all that match is released")
        fields = fields_to_release(found, agreed, self.extract, column_map(self.columns), wanted)
        rows = tuple(row for own in wanted for row in fields[own])
        return Choice("released", rows, self.reason)


def column_map(columns: Path | None) -> ColumnMap:
    """Return the map of columns in a file, or the one that maps nothing."""
    return ColumnMap() if columns is None else parse_column_map(read_text(columns), columns.name)


def confirmed(found: ReadLookup, choice: Choice, *, yes: bool) -> bool:
    """Show what would leave, and ask whether it may."""
    click.echo(leaving_text(found, choice.records, choice.outcome), err=True)
    return yes or click.confirm("Send this answer?", err=True)


def send(book: LookupBook, store: OpenKeystore, found: ReadLookup, choice: Choice) -> None:
    """Keep the decision and hand in the answer."""
    from agency_client.lookups.answering import give_answer

    now = int(datetime.now(UTC).timestamp())
    give_answer(book, store, found, choice.records, choice.outcome, choice.reason, now)


def answer_all(book: LookupBook, store: OpenKeystore, output: Output, *, dry_run: bool) -> None:
    """Give a first, empty answer to all lookups that have none, and name those that match."""
    own = store.identity.name
    given, matching = [], []
    for entry in book.all():
        if entry.asker == own or entry.state == "closed":
            continue
        found = book.read(entry.id)
        if found.matches:
            matching.append(entry.id)
        if not entry.answered:
            given.append(entry.id)
            if not dry_run:
                is_none = found.file.compared and not found.matches
                send(book, store, found, Choice("nothing" if is_none else "undecided"))
    if output == "json":
        click.echo(json.dumps({"answered": given, "matching": matching}))
        return
    click.echo(f"{len(given)} answered with nothing" + (", as a trial" if dry_run else ""))
    for identifier in matching:
        click.echo(f"look at {identifier[:16]}: it may be about records of yours")


def tell(found: ReadLookup, choice: Choice, output: Output) -> None:
    """Say what was done."""
    records = len(choice.records)
    if output == "json":
        said = {"id": found.id, "outcome": choice.outcome, "records": records}
        click.echo(json.dumps(said))
        return
    click.echo(f"answered {found.id[:16]}: {choice.outcome}, {records} records")
