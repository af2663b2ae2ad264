"""The commands ``backup`` and ``restore``."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import click

from matcher.cli.options import FOLDER, example, format_option

# The commands import what they run: help and refusals needn't wait for it.


@click.command(
    "backup",
    epilog=example(
        "matcher backup /srv/concord --out /backups/concord-2026-03-02.tar",
    ),
)
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--out", required=True, type=FOLDER, help="The file of the backup; made new.")
@click.option("--dry-run", is_flag=True, help="Say what it would hold, and write nothing.")
@format_option
def backup_command(folder: Path, out: Path, dry_run: bool, output: str) -> None:
    """Back up the matcher in DIR to one file, while it runs.

    All rows of one moment and the objects that they name, signed with the log's key. It can be
    restored onto SQLite or PostgreSQL, a folder or S3, whichever it came from. Neither the
    private keys, log.key and identity.key, nor matcher.toml are in it: keep copies of them apart
    from it. Whoever has the file
    has every encoding that was uploaded.
    """
    from matcher.backups.writing import BackupWriter
    from matcher.config.loading import load_settings
    from matcher.config.log_key import read_signer
    from matcher.objects.opening import open_objects
    from matcher.store.database import Database

    settings = load_settings(folder, os.environ, {})
    signer = read_signer(settings.log_key_file, settings.log_key)
    writer = BackupWriter(
        Database(settings.database_url), open_objects(settings), signer, lambda: datetime.now(UTC)
    )
    held = writer.plan(out) if dry_run else writer.write(out)
    said = {
        "file": str(out),
        "written": not dry_run,
        "events": held.log_size,
        "objects": held.objects,
        "object_bytes": held.object_bytes,
    }
    if output == "json":
        click.echo(json.dumps(said))
        return
    click.echo(
        f"{out} {'would hold' if dry_run else 'holds'} {held.log_size:,} events of the log and "
        f"{held.objects:,} objects of {held.object_bytes:,} bytes"
    )
    click.echo(
        f"matcher: neither {settings.log_key_file.name}, {settings.identity_key_file.name} nor "
        "matcher.toml is in it; keep copies of them elsewhere",
        err=True,
    )


@click.command(
    "restore",
    epilog=example(
        "matcher restore /backups/concord-2026-03-02.tar /srv/concord",
    ),
)
@click.argument(
    "backup", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--dry-run", is_flag=True, help="Verify the file and the place, and write nothing.")
@format_option
def restore_command(backup: Path, folder: Path, dry_run: bool, output: str) -> None:
    """Restore the backup FILE into the empty database and store of the matcher in DIR.

    DIR holds matcher.toml, log.key and identity.key, from where you keep them. Everything is
    verified before anything is written: a damaged FILE, or one of another matcher, changes nothing.
    Then run 'matcher verify-log DIR --earlier' with the newest log bundle or checkpoint that
    anybody has: what entered the log after the backup is lost, and the agencies will be told so.
    """
    from matcher.backups.restoring import Restorer
    from matcher.config.loading import load_settings
    from matcher.objects.opening import open_new_objects
    from matcher.store.database import Database

    settings = load_settings(folder, os.environ, {})
    restorer = Restorer(
        Database(settings.database_url), open_new_objects(settings), settings.log_key
    )
    manifest = restorer.plan(backup) if dry_run else restorer.restore(backup)
    made = datetime.fromtimestamp(manifest.made, UTC)
    said = {
        "restored": not dry_run,
        "made": f"{made:%Y-%m-%dT%H:%M:%SZ}",
        "events": manifest.log_size,
        "objects": len(manifest.objects),
    }
    if output == "json":
        click.echo(json.dumps(said))
        return
    click.echo(
        f"The backup of {made:%d %B %Y, %H:%M} UTC, with {manifest.log_size:,} events of the log "
        f"and {len(manifest.objects):,} objects, {'can be' if dry_run else 'was'} restored; its "
        f"signature and every digest {'are' if dry_run else 'were'} verified"
        f"{'' if dry_run else ', and so was the log'}."
    )
    if not dry_run:
        click.echo(
            f"matcher: now run 'matcher verify-log {folder} --earlier' with the newest log bundle "
            "or checkpoint that anybody has: it tells what is lost",
            err=True,
        )
