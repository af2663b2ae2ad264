"""The command ``purge``."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from matcher.cli.options import format_option

# The command imports what it runs: help and refusals needn't wait for it.


@click.command("purge")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and erase nothing.")
@format_option
def purge_command(folder: Path, dry_run: bool, output: str) -> None:
    r"""Erase what the agreements let the matcher in DIR keep no longer.

    Uploads and the files of runs go when they are [retention] encodings_days old; each erasure is
    an event of the log. Uploads that were never finished go after [uploads] days. What a run is
    using stays, with exit code 75: purge again. Run it once a day. Backups still hold what was
    erased since they were made: delete them in time.

    \b
    Example:
      matcher purge /srv/concord --dry-run
    """
    from matcher.config.loading import load_settings
    from matcher.config.log_key import read_signer
    from matcher.ledger.ledger import Ledger
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
    purge = Purge(
        database,
        Ledger(database, signer),
        objects,
        lambda: datetime.now(UTC),
        lambda now: tidy_uploads(database, objects, days, now),
    )
    purged = purge.plan() if dry_run else purge.purge()
    if output == "json":
        click.echo(json.dumps({"dry_run": dry_run, **asdict(purged)}))
    else:
        click.echo(
            f"{'would be erased' if dry_run else 'erased'}: {purged.uploads:,} uploads, the files "
            f"of {purged.runs:,} runs"
            + ("" if dry_run else f"; {purged.expired:,} unfinished uploads were given up")
        )
    require_done(purged)
