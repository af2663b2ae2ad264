"""``disclosures clusters`` and ``disclosures propose``."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agency_client.cli.disclosures.at_work import (
    Work,
    at_work,
    change_options,
    example,
    nothing_done,
    show_before,
    tell,
    witnessed,
    work_options,
)
from agency_client.cli.options import FILE
from linkage.errors import InputError

if TYPE_CHECKING:
    from agency_client.disclosures.from_cohort import Chosen
    from agency_client.disclosures.office import Office
    from agency_client.disclosures.proposing import Wish


@click.command(epilog=example("clusters --agreement agreement.toml"))
@work_options
def clusters(*, work: Work) -> None:
    """List the clusters of the newest run that may be proposed, for an analyst.

    Each has a pseudonym, which says nothing outside this run, the agencies that know the person,
    and the agreement's rules that may apply: whether a rule's category does, its holders know.
    """
    from agency_client.disclosures.proposing import all_clusters

    with at_work(work) as office:
        office.require_role("analyst")
        found = list(all_clusters(office))
    if work.output == "json":
        click.echo(json.dumps([asdict(entry) for entry in found]))
        return
    click.echo("cluster,agencies,records,probability,rules")
    for entry in found:
        click.echo(
            f"{entry.cluster},{' '.join(entry.agencies)},{entry.records},{entry.probability:.4f},"
            f"{' '.join(entry.rules)}"
        )


@click.command(
    epilog=example(
        "propose --agreement agreement.toml \\\n"
        "      --cluster 0f1e2d3c4b5a69788796a5b4c3d2e1f0=missing --reference 'MACE 12' \\\n"
        "      --necessity 'Missing together with a child at high risk.'"
    )
)
@click.option(
    "--cluster", "pairs", multiple=True, metavar="PSEUDONYM=RULE", help="A cluster; again for more."
)
@click.option("--clusters", "table", type=FILE, help="A CSV file with the columns cluster, rule.")
@click.option(
    "--cohort", type=FILE, help="Your cohort's folder, for people in --people, under one --rule."
)
@click.option("--people", type=FILE, help="A table with the column person, of the cohort.")
@click.option("--rule", help="The agreement's rule that lets the cohort's people be proposed.")
@click.option("--purpose", help="A purpose code of the agreement; needed if it has several.")
@click.option("--reference", required=True, help="The case or meeting; it isn't put in the log.")
@click.option(
    "--necessity", required=True, help="Why names are needed, without naming; goes in the log."
)
@click.option("--field", "asked", multiple=True, help="A field; all the agreement's unless given.")
@click.option("--recipient", multiple=True, help="Who gets it; all who may unless given.")
@click.option("--expires", metavar="TIME", help="2026-12-24 (its end) or 2026-12-24T10:00:00Z.")
@click.option("--supersedes", metavar="ID", help="Your own open proposal that this one replaces.")
@change_options
def propose(
    *,
    pairs: tuple[str, ...],
    table: Path | None,
    cohort: Path | None,
    people: Path | None,
    rule: str | None,
    work: Work,
    **options: str | tuple[str, ...] | None,
) -> None:
    """Propose that the people behind some clusters be named to recipients.

    The lawful basis is the agreement's. Everything that the agreement asks of a proposal is checked
    before it is sent; exit code 4 with the clause where it forbids something. Nobody is named
    before the quorum has approved, and your own approval doesn't count.

    People of a cohort that you have pulled are named by --cohort, --people and --rule. The matcher
    finds their clusters, as long as the cohort is of the newest run; who of the cohort is who in
    the proposal, you aren't told.
    """
    from agency_client.disclosures.from_cohort import read_chosen_people
    from agency_client.disclosures.proposing import draft
    from agency_client.disclosures.proposing import propose as send
    from linkage.entries import VerifiedFile

    if [bool(pairs), table is not None, cohort is not None].count(True) != 1:
        raise click.UsageError("give --cluster, once or more often, or --clusters, or --cohort")
    if not (cohort is None) == (people is None) == (rule is None):
        raise click.UsageError("give --cohort, --people and --rule together")
    of = read_chosen_people(cohort, people) if cohort and people else None
    chosen = _chosen(pairs, table, of, rule)
    with at_work(work) as office:
        office.require_role("agency", "analyst", "recipient")
        wish = _wish(office, chosen, options)
        if of is not None and office.agreement.disclosure is not None:
            of.require_proposable(office.agreement.disclosure, str(rule))
            wish = replace(wish, cohort=of.cohort)
        made = draft(office, wish)
        unsent = VerifiedFile(made.case, (), office.api.connection.log.pinned.pinned, b"")
        if work.dry_run or not work.yes:
            show_before(unsent, office.name)
        if work.dry_run:
            nothing_done(unsent, office.name, "propose this", work.output)
            return
        if not work.yes:
            click.confirm(f"Propose it as {office.name}?", abort=True, err=True)
        found = send(office, made)
        witnessed(office)
    tell(found, office.name, "proposed", work.output)


def _chosen(
    pairs: tuple[str, ...], table: Path | None, of: Chosen | None, rule: str | None
) -> dict[str, str]:
    """Return the rule of each cluster."""
    from agency_client.disclosures.proposing import chosen_clusters, read_clusters

    if of is not None:
        return chosen_clusters([(name, str(rule)) for name in of.people], "--people")
    if table is not None:
        return read_clusters(table)
    return chosen_clusters([_pair(text) for text in pairs], "--cluster")


def _pair(text: str) -> tuple[str, str]:
    cluster, mark, rule = text.partition("=")
    if not mark:
        raise InputError("--cluster needs a pseudonym and a rule, as PSEUDONYM=RULE.")
    return cluster, rule


def _wish(
    office: Office, chosen: dict[str, str], options: dict[str, str | tuple[str, ...] | None]
) -> Wish:
    from agency_client.disclosures.proposing import Wish, parse_moment
    from agency_client.disclosures.reading import resolve

    expires, replaced = options["expires"], options["supersedes"]
    return Wish(
        chosen,
        str(options["reference"]),
        str(options["necessity"]),
        tuple(options["asked"] or ()),
        tuple(options["recipient"] or ()),
        None if options["purpose"] is None else str(options["purpose"]),
        None if expires is None else parse_moment(str(expires)),
        None if replaced is None else resolve(office, str(replaced)),
    )
