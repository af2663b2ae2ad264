"""``disclosures release`` and ``disclosures open``: what leaves a holder, what a recipient gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agency_client.cli.disclosures.at_work import (
    Work,
    as_text,
    change_options,
    example,
    id_argument,
    nothing_done,
    reading,
    tell,
    witnessed,
    work_options,
)
from agency_client.cli.failures import say
from agency_client.cli.options import FILE, dry_run_option, extract_source

if TYPE_CHECKING:
    from agency_client.disclosures.office import Office
    from agency_client.disclosures.opening import Opened
    from agency_client.disclosures.releasing import Leaving
    from linkage.entries import VerifiedFile


@click.command(
    epilog=example(
        "release 3f9a2c41 --agreement agreement.toml \\\n"
        "      --extract police.csv --map police.map.parquet --columns columns.toml"
    )
)
@id_argument
@click.option("--extract", type=FILE, help="The extract that was encoded.")
@click.option("--query", type=FILE, help="Instead of --extract: a file with one SELECT statement.")
@click.option("--database-file", type=FILE, help="With --query: a file with the database's URL.")
@click.option("--map", "own_map", required=True, type=FILE, help="The map of the push linked.")
@click.option("--columns", type=FILE, help="Your names for the agreement's fields (TOML).")
@click.option("--withhold", type=FILE, help="A table of record_id: these stay, for the reason.")
@click.option("--reason", default="", help="Why records are withheld, without naming anybody.")
@change_options
def release(
    *,
    id_: str,
    own_map: Path,
    columns: Path | None,
    withhold: Path | None,
    reason: str,
    work: Work,
    **extract: Path | None,
) -> None:
    """Seal the agreed fields of your own records to the recipients, once the quorum has approved.

    Your records are looked up by your map, and what would leave is shown before it leaves. It goes
    through the matcher, which can't open it. Where a rule asks for a category, such as missing
    episodes, you alone can know: withhold who doesn't have it. --yes says that you have looked.

    Exit code 75 before the quorum; 3 where anything doesn't verify, the matcher naming other
    records than it had committed to above all: then nothing leaves.
    """
    from agency_client.disclosures import releasing
    from agency_client.disclosures.own_records import OwnFiles, read_record_ids
    from agency_client.disclosures.words import counted

    ids = read_record_ids(withhold) if withhold else []
    withheld = releasing.Withheld(frozenset(ids), reason)
    own = OwnFiles(extract_source(**extract), own_map, columns)
    with reading(work, id_) as (office, found):
        leaving = releasing.prepare(office, found.case, own, withheld)
        _show_leaving(leaving)
        if work.dry_run:
            nothing_done(
                found, office.name, f"release {counted(leaving.sent, 'record')}", work.output
            )
            return
        if not work.yes:
            click.confirm(_release_question(leaving), abort=True, err=True)
        after = releasing.release(office, leaving)
        witnessed(office)
    done = f"released {counted(leaving.sent, 'record')}, {leaving.withheld:,} withheld"
    tell(after, office.name, done, work.output)


@click.command(
    "open", epilog=example("open 3f9a2c41 --agreement agreement.toml --out opened-3f9a2c41")
)
@id_argument
@click.option("--out", required=True, type=FILE, help="New folder for the tables, yours alone.")
@dry_run_option
@work_options
def open_(*, id_: str, out: Path, work: Work) -> None:
    """Open what holders have released to you: a table for each cluster, agencies side by side.

    Agreement, evidence, proposal, approvals, releases, and the place of each in the log are
    verified first. That you have opened it goes in the log before the files get their names. Where
    more is released later, open it again into another folder.
    """
    from agency_client.disclosures.opening import open_into, refuse_folder, unseal

    refuse_folder(out)
    with reading(work, id_) as (office, found):
        found.case.life.open(office.name)
        if work.dry_run:
            holders = ", ".join(sorted(found.case.releases))
            nothing_done(found, office.name, f"open what {holders} released", work.output)
            return
        opened = unseal(office, found.case)
        after = open_into(office, opened, out, _about(office, found))
        witnessed(office)
    _tell_opened(opened, after, out, work.output)


def _show_leaving(leaving: Leaving) -> None:
    """Show on standard error exactly what would leave."""
    from agency_client.disclosures.words import counted

    recipients = ", ".join(leaving.case.proposal.recipients)
    sent = counted(leaving.sent, "record")
    say(f"{sent} would leave for {recipients}, {leaving.withheld:,} would stay:")
    categories = leaving.categories
    for cluster, records in leaving.records.items():
        click.echo(f"  cluster {cluster[:8]}", err=True)
        if cluster in categories:
            click.echo(f"    only if your records show {categories[cluster]}: check it", err=True)
        for own in records:
            said = ", ".join(f"{name} {value!r}" for name, value in own.fields.items())
            what = "stays" if own.withheld else said or "no field has anything in it"
            click.echo(f"    record {own.record_id}: {what}", err=True)
    if leaving.idle:
        say(f"{leaving.idle:,} of those to be withheld aren't asked for anyway.")


def _release_question(leaving: Leaving) -> str:
    wanted = sorted(set(leaving.categories.values()))
    checked = f" Have you checked that each has {' or '.join(wanted)}?" if wanted else ""
    return f"Release exactly this?{checked}"


def _about(office: Office, found: VerifiedFile) -> str:
    """Return what the reader of the tables has to know beside them."""
    from agency_client.disclosures.words import moment_text

    retention = office.agreement.retention
    until = office.seconds + (retention.disclosures_days if retention else 0) * 86_400
    erase = f"Erase it by {moment_text(until)}" if retention else "Erase it when it is done with"
    return (
        f"{as_text(found, office.name)}\n\n"
        "Each table is what agencies have on one person, linked without their names being seen: a\n"
        "link can be wrong. Compare before you act; 'differs' marks what they have differently.\n"
        f"This is for the purpose and the reference above alone. {erase},\n"
        "and at once if it is recalled.\n"
    )


def _tell_opened(opened: Opened, after: VerifiedFile, out: Path, output: str) -> None:
    from agency_client.disclosures.words import counted

    if output == "json":
        click.echo(json.dumps(_members(opened, out)))
        return
    conflicts = sum(row.conflict for table in opened.tables for row in table.rows)
    click.echo(
        f"opened {after.case.digest[:8]}: {counted(len(opened.tables), 'table')} in {out}, "
        f"conflicts in {counted(conflicts, 'field')}\n"
        f"released by {', '.join(sorted(opened.digests))}; read {out / 'about.txt'} first"
    )


def _members(opened: Opened, out: Path) -> dict[str, Any]:
    from agency_client.disclosures.opening import table_name

    return {
        "id": opened.case.digest,
        "out": str(out),
        "holders": sorted(opened.digests),
        "tables": [
            {
                "cluster": table.cluster,
                "file": table_name(table),
                "agencies": list(table.agencies),
                "conflicts": [row.field for row in table.rows if row.conflict],
            }
            for table in opened.tables
        ],
    }
