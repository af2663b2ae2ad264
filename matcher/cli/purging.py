"""The command ``purge``."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matcher.cli.options import example, format_option

if TYPE_CHECKING:
    from matcher.cohorts.erasing import Erased
    from matcher.disclosures.retiring import Retired
    from matcher.lookups.closing import Closing
    from matcher.retention.purge import Purged

# The command imports what it runs: help and refusals needn't wait for it.


@click.command("purge", epilog=example("matcher purge /srv/concord --dry-run"))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and erase nothing.")
@format_option
def purge_command(folder: Path, dry_run: bool, output: str) -> None:
    """Erase what the agreements let the matcher in DIR keep no longer.

    Uploads and the files of runs go when they are [retention] encodings_days old; what disclosures
    hold, sealed and not, goes after disclosures_days, and those whose time is over are ended;
    lookups go as many days after they were closed, those whose time is over are closed; payload and
    cohorts go after payload_days. Each is an event of the log. Uploads and payload that were never
    finished go after [uploads] days. What a run is using stays, with exit code 75: purge again. Run
    it once a day. Backups still hold what was erased since they were made: delete them in time.
    """
    from matcher.agreements.standings import Standings
    from matcher.cohorts.erasing import PayloadErasing
    from matcher.config.loading import load_settings
    from matcher.config.log_key import read_signer
    from matcher.disclosures.retiring import Retiring
    from matcher.ledger.ledger import Ledger
    from matcher.lookups.closing import Closing
    from matcher.objects.opening import open_objects
    from matcher.retention.purge import Purge, require_done
    from matcher.store.database import Database
    from matcher.store.migrating import require_current
    from matcher.uploads.tidying import tidy_uploads

    settings = load_settings(folder, os.environ, {})
    signer = read_signer(settings.log_key_file, settings.log_key)
    database = Database(settings.database_url)
    require_current(database)
    objects, days = open_objects(settings), settings.sections.uploads.days
    ledger, standings = Ledger(database, signer), Standings(_now)
    purge = Purge(
        database,
        ledger,
        objects,
        _now,
        lambda now: tidy_uploads(database, objects, days, now),
    )
    retiring = Retiring(database, ledger, standings.agreement, _now)
    retired = retiring.plan() if dry_run else retiring.retire()
    closing = Closing(database, ledger, standings, _now)
    lookups = closing.plan() if dry_run else _closed_and_erased(closing)
    erasing = PayloadErasing(database, ledger, objects, standings.agreement, days, _now)
    erased = erasing.plan() if dry_run else erasing.erase()
    purged = purge.plan() if dry_run else purge.purge()
    if output == "json":
        of_disclosures = {"disclosures": retired.erased, "ended": retired.ended}
        found = {**asdict(purged), **of_disclosures, "lookups": lookups, **asdict(erased)}
        click.echo(json.dumps({"dry_run": dry_run, **found}))
    else:
        click.echo(_text(purged, retired, lookups, erased, dry_run))
    require_done(purged)


def _now() -> datetime:
    return datetime.now(UTC)


def _closed_and_erased(closing: Closing) -> int:
    closing.close_due()
    return closing.erase_due()


def _text(purged: Purged, retired: Retired, lookups: int, payload: Erased, dry_run: bool) -> str:
    erased, ended = ("would be erased", "would be") if dry_run else ("erased", "were")
    return (
        f"{erased}: {purged.uploads:,} uploads, the files of {purged.runs:,} runs, what "
        f"{retired.erased:,} disclosures hold, {lookups:,} lookups, {payload.payloads:,} payloads, "
        f"{payload.cohorts:,} cohorts; {retired.ended:,} disclosures {ended} ended"
        + ("" if dry_run else f"; {purged.expired:,} unfinished uploads were given up")
    )
