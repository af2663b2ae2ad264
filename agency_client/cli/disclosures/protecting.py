"""``disclosures protect``: people who need a higher quorum, or are never proposed."""

from __future__ import annotations

import json
from pathlib import Path

import click

from agency_client.cli.disclosures.at_work import Work, at_work, example, work_options
from agency_client.cli.failures import say
from agency_client.cli.options import FILE, dry_run_option


@click.command(
    epilog=example(
        "protect adopted.csv --agreement agreement.toml --map police.map.parquet\n"
        "  agency-client disclosures protect --none --agreement agreement.toml"
    )
)
@click.argument("ids", type=FILE, required=False)
@click.option("--map", "own_map", type=FILE, help="The map of your newest push.")
@click.option("--none", "unmark", is_flag=True, help="Take all your marks back.")
@dry_run_option
@work_options
def protect(
    *,
    ids: Path | None,
    own_map: Path | None,
    unmark: bool,
    work: Work,
) -> None:
    """Mark protected people, such as the adopted, among your own records.

    IDS is a table with a column record_id. It takes the place of all marks from before; do it after
    every push, since tokens are new then. Proposals with one of them need the agreement's
    protected_quorum, or aren't allowed without one. The matcher learns which tokens are protected,
    and no reason; nobody else learns more than that a cluster is.
    """
    from agency_client.disclosures import protecting
    from agency_client.disclosures.own_records import read_record_ids, tokens_of

    if unmark == (ids is not None) or (ids is None) != (own_map is None):
        raise click.UsageError("give either IDS and --map, or --none")
    tokens = tokens_of(read_record_ids(ids), own_map) if ids and own_map else []
    with at_work(work) as office:
        office.require_role("agency")
        if work.dry_run:
            say(f"would mark {len(tokens):,} records, and no others; nothing was sent.")
        else:
            protecting.protect(office, tokens)
    outcome = {"marked": len(tokens), "sent": not work.dry_run}
    text = (
        "nothing was sent" if work.dry_run else f"{len(tokens):,} records are marked, and no others"
    )
    click.echo(json.dumps(outcome) if work.output == "json" else text)
