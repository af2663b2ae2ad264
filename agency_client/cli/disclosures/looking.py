"""``disclosures list`` and ``disclosures show``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from agency_client.cli.disclosures.at_work import (
    Work,
    as_text,
    at_work,
    example,
    id_argument,
    reading,
    work_options,
)
from agency_client.cli.failures import say

if TYPE_CHECKING:
    from linkage.protocol.disclosure.replies import DisclosureEntry


@click.command("list", epilog=example("list --agreement agreement.toml"))
@work_options
def list_(*, work: Work) -> None:
    """List the disclosures that you have a part in, the newest first.

    The list is the matcher's word; 'show' verifies what is in it.
    """
    with at_work(work, over=True) as office:
        listed = office.api.listed().disclosures
    if work.output == "json":
        click.echo(json.dumps([asdict(entry) for entry in listed]))
        return
    for entry in listed:
        click.echo(_line(entry))
    if not listed:
        say("there is none that you have a part in.")


@click.command(epilog=example("show 3f9a2c41 --agreement agreement.toml"))
@id_argument
@work_options
def show(*, id_: str, work: Work) -> None:
    """Show a disclosure: what is asked, by whom, under which clause, and how it stands.

    All of it is verified: the signatures, the agreement's rules, and that every message is in the
    matcher's log. It says how many of your records it is about, and shows nobody's values.
    """
    from agency_client.disclosures.words import as_members

    with reading(work, id_, over=True) as (office, found):
        if work.output == "json":
            click.echo(json.dumps(as_members(found, office.name)))
        else:
            click.echo(as_text(found, office.name))


def _line(entry: DisclosureEntry) -> str:
    from agency_client.disclosures.words import moment_text

    due = f"; a return is due from {', '.join(entry.outstanding)}" if entry.outstanding else ""
    clusters = "1 cluster" if entry.clusters == 1 else f"{entry.clusters:,} clusters"
    return (
        f"{entry.id[:8]}  {entry.state:<10}  {entry.approvals} of {entry.quorum} approvals, "
        f"{clusters} for {entry.purpose}, by {entry.proposer}, until "
        f"{moment_text(entry.expires)}{due}"
    )
