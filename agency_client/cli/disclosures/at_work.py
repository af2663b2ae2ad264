"""What the commands about disclosures share: options, the way to the matcher, and what is told."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import wraps
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
from agency_client.cli.options import dry_run_option, format_option
from agency_client.matcher_api.exchange import fetch_signatures
from agency_client.textfiles import read_text
from linkage.protocol.agreement import parse_agreement

if TYPE_CHECKING:
    from agency_client.disclosures.office import Office
    from linkage.entries import VerifiedFile

_WIDTH = 96
_HEADING = 14

_yes = click.option("--yes", is_flag=True, help="Do it without being asked once more.")
id_argument = click.argument("id_", metavar="ID")


@dataclass(frozen=True)
class Work:
    """Under which agreement a command works, where, and how it goes about it."""

    agreement: Path
    desk: Desk
    output: Literal["text", "json"]
    yes: bool = False
    dry_run: bool = False


_OPTIONS = tuple(own.name for own in fields(Work))


def example(words: str) -> str:
    """Return the end of a command's help."""
    return f"\b\nExample:\n  agency-client disclosures {words}"


def work_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that every command about disclosures has; it gets them as ``work``."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        own = {name: options.pop(name) for name in _OPTIONS if name in options}
        return command(*args, work=Work(**own), **options)

    return agreement_option(desk_options(format_option(run)))


def change_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a command that changes something, too."""
    return _yes(dry_run_option(work_options(command)))


@contextmanager
def at_work(work: Work, *, over: bool = False) -> Iterator[Office]:
    """Open keystore and connection for a command; with ``over`` also after the agreement ended."""
    from agency_client.disclosures.office import Office, agreed, utc_now
    from agency_client.matcher_api.disclosures import DisclosuresApi

    place, store = work.desk.matcher_place(), work.desk.opened()
    with connected(place, store) as api:
        file = work.agreement
        fetch_signatures(api, parse_agreement(read_text(file), file.name), file)
        found = agreed(store, file, utc_now().date(), over=over)
        calls = DisclosuresApi(api.connection, found.digest())
        yield Office(calls, found, store.identity, utc_now)


@contextmanager
def reading(work: Work, id_: str, *, over: bool = False) -> Iterator[tuple[Office, VerifiedFile]]:
    """Open a disclosure, verified, for as long as the context lasts."""
    from agency_client.disclosures.reading import read_disclosure, resolve

    with at_work(work, over=over) as office:
        yield office, read_disclosure(office, resolve(office, id_))


def witnessed(office: Office) -> None:
    """Cosign the log's newest state after a change, as every command that changes something."""
    from agency_client.matcher_api.api import MatcherApi

    witness_quietly(MatcherApi(office.api.connection))


def as_text(found: VerifiedFile, party: str) -> str:
    """Return a disclosure as paragraphs with headings at their left."""
    from agency_client.disclosures.words import in_words

    lines = []
    for heading, sentences in in_words(found, party):
        for number, sentence in enumerate(sentences):
            left = heading if number == 0 else ""
            lines += textwrap.wrap(
                sentence,
                _WIDTH,
                initial_indent=left.ljust(_HEADING),
                subsequent_indent=" " * (_HEADING + 2),
                break_on_hyphens=False,
            )
    return "\n".join(lines)


def show_before(found: VerifiedFile, party: str) -> None:
    """Show on standard error what somebody is about to decide on."""
    click.echo(as_text(found, party), err=True)


def tell(found: VerifiedFile, party: str, done: str, output: str) -> None:
    """Tell the outcome: ``done`` is what was done, in a few words."""
    from agency_client.disclosures.words import as_members

    if output == "json":
        click.echo(json.dumps(as_members(found, party)))
        return
    life = found.case.life
    click.echo(
        f"{done}: {found.case.digest[:8]} is {life.state}, with {len(life.approved)} of "
        f"{life.terms.quorum} approvals"
    )


def nothing_done(found: VerifiedFile, party: str, would: str, output: str) -> None:
    """Say what a dry run would have done."""
    say(f"would {would}; nothing was sent.")
    tell(found, party, "nothing was sent", output)
