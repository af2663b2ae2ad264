"""The commands for the folder of a matcher: ``init``, ``identity``, ``migrate``, ``verify-log``."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linkage.errors import InputError
from matcher.cli.options import FILE, FOLDER, example, format_option

if TYPE_CHECKING:
    from linkage.audit.keys import VerifierKey
    from matcher.ledger.verifying import VerifiedLog
    from matcher.store.database import Database
    from matcher.store.migrating import Versions

# The commands import what they run: help and refusals needn't wait for it.


@click.command(
    "init",
    epilog=example(
        "matcher init /srv/concord --log-name concord.example/north-east",
    ),
)
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option(
    "--log-name",
    help="Name of the log, for good, such as concord.example/north-east; the names of this "
    "machine and of DIR if not given.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be made, and make nothing.")
@format_option
def init_command(folder: Path, log_name: str | None, dry_run: bool, output: str) -> None:
    """Make the folder DIR of a new matcher.

    It gets matcher.toml, with comments, a new key for the log, keys of its own as a party of
    agreements and a folder for encodings. Nothing is overwritten.
    """
    from matcher.config.creation import create_matcher, default_log_name, plan_matcher

    signer = plan_matcher(folder, log_name or default_log_name(folder))
    if dry_run:
        click.echo(
            json.dumps({"folder": str(folder), "log": signer.name, "made": False})
            if output == "json"
            else f"{folder} would be made, for the log {signer.name}"
        )
        return
    create_matcher(folder, signer)
    key = signer.verifier
    click.echo(json.dumps(_made(folder, key)) if output == "json" else _made_text(folder, key))


@click.command(
    "identity",
    epilog=example(
        "matcher identity /srv/concord --name hub > hub.card.toml",
    ),
)
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option(
    "--name",
    default="matcher",
    show_default=True,
    help="What the agreement calls the matcher.",
)
@click.option("--make", is_flag=True, help="Make the keys, if the matcher has none yet.")
@format_option
def identity_command(folder: Path, name: str, make: bool, output: str) -> None:
    """Show the public keys by which the matcher in DIR is a party of agreements.

    They are printed as the [[party]] of an agreement. With them it signs agreements that you admit,
    and its evidence on clusters.
    """
    from linkage.protocol.cards import card_toml, parse_card
    from matcher.config.creation import create_identity
    from matcher.config.identity_key import read_keys
    from matcher.config.loading import load_settings

    path = load_settings(folder, os.environ, {}).identity_key_file
    if make:
        create_identity(path)
    keys = read_keys(path)
    if keys is None:
        raise InputError(
            f"There is no {path}: the matcher has no keys of its own. Put them back from your "
            "copy, or make new ones with --make, and let the next version of the agreement name "
            "them."
        )
    public = keys.named(name).public
    card = card_toml(public)
    parse_card(card, "The card")
    said = {
        "name": name,
        "signing_key": str(public.signing_key),
        "sealing_key": str(public.sealing_key),
        "fingerprint": public.fingerprint,
    }
    click.echo(json.dumps(said) if output == "json" else card.rstrip())


@click.command("migrate", epilog=example("matcher migrate /srv/concord"))
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@format_option
def migrate_command(folder: Path, dry_run: bool, output: str) -> None:
    """Make the database of the matcher in DIR, or bring it to this release.

    Make a backup first. A database of a newer release is refused.
    """
    from matcher.config.loading import load_settings
    from matcher.store.database import Database
    from matcher.store.migrating import migrate, plan_migration

    database = Database(load_settings(folder, os.environ, {}).database_url)
    versions = plan_migration(database) if dry_run else migrate(database)
    click.echo(
        json.dumps({"from": versions.found, "to": versions.needed, "dry_run": dry_run})
        if output == "json"
        else _migrated_text(versions, dry_run)
    )


@click.command(
    "verify-log",
    epilog=example(
        "matcher verify-log /srv/concord --earlier last-quarter.txt",
    ),
)
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option(
    "--verifier-key",
    metavar="KEY",
    help="The log's verifier key as you have it from elsewhere; that of matcher.toml if not given.",
)
@click.option(
    "--earlier", type=FILE,
    help="A checkpoint or a log bundle from before: nothing in it may have changed since.",
)  # fmt: skip
@format_option
def verify_log_command(
    folder: Path, verifier_key: str | None, earlier: Path | None, output: str
) -> None:
    """Verify the log in the database of the matcher in DIR, from its bytes.

    Every event, every node of its tree, every checkpoint that was ever signed and every
    cosignature. Needs no private key. Exit code 3 if a check fails. The console says when that
    was, and what was found.
    """
    from linkage.audit.failures import LogError
    from matcher.config.loading import load_settings
    from matcher.ledger.earlier import read_earlier
    from matcher.ledger.verifying import verify_stored_log
    from matcher.store.database import Database
    from matcher.store.migrating import require_current

    flags = {} if verifier_key is None else {"log.verifier_key": verifier_key}
    settings = load_settings(folder, os.environ, flags)
    before = None if earlier is None else read_earlier(earlier, settings.log_key)
    database = Database(settings.database_url)
    require_current(database)
    noted = partial(_note, database, is_own=verifier_key is None)
    try:
        verified = verify_stored_log(database, settings.log_key, before)
        noted(verified.checkpoint.size)
    except LogError as error:
        noted(None)
        if output == "json":
            click.echo(json.dumps({"verified": False, "reason": str(error)}))
        raise
    if output == "json":
        click.echo(json.dumps(_verified(settings.log_key, verified)))
    else:
        click.echo(_verified_text(settings.log_key, verified, earlier is not None))


def _note(database: Database, size: int | None, *, is_own: bool) -> None:
    """Note for the console what was found, unless it was held against another key.

    ``size`` is how many events were verified, None if something was wrong.
    """
    from datetime import UTC, datetime

    from matcher.ledger.badge import Verified, note_verification

    if is_own:
        now = int(datetime.now(UTC).timestamp())
        note_verification(database, Verified(now, size or 0, sound=size is not None))


def _made(folder: Path, key: VerifierKey) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "log": key.name,
        "made": True,
        "verifier_key": str(key),
        "fingerprint": key.fingerprint,
    }


def _made_text(folder: Path, key: VerifierKey) -> str:
    return "\n".join(
        [
            f"{folder} is made.",
            "",
            "The log's verifier key, for every agency and data protection officer:",
            f"  {key}",
            "Its fingerprint, to compare on the phone:",
            f"  {key.fingerprint}",
            "",
            "Next:",
            f"  1. back up {folder / 'log.key'} and {folder / 'identity.key'}, apart from the "
            "database; nobody else may have them",
            f"  2. read {folder / 'matcher.toml'}",
            f"  3. matcher migrate {folder}",
            f"  4. hand what 'matcher identity {folder}' prints to whoever writes the agreement",
        ]
    )


def _migrated_text(versions: Versions, dry_run: bool) -> str:
    if versions.found == versions.needed:
        return f"the database has version {versions.needed} already; nothing to do"
    done = "would be brought" if dry_run else "was brought"
    return f"the database {done} from version {versions.found or 'none'} to {versions.needed}"


def _verified(key: VerifierKey, verified: VerifiedLog) -> dict[str, Any]:
    return {
        "verified": True,
        "log": key.name,
        "log_key": str(key),
        "events": verified.checkpoint.size,
        "root": str(verified.checkpoint).splitlines()[2],
        "checkpoints": verified.checkpoints,
        "cosignatures": verified.cosignatures,
        "by_verb": verified.summary.by_verb,
    }


def _verified_text(key: VerifierKey, verified: VerifiedLog, with_earlier: bool) -> str:
    lines = [
        f"log {key.name}",
        "",
        f"VERIFIED. Events: {verified.checkpoint.size:,}; checkpoints: {verified.checkpoints:,}; "
        f"cosignatures: {verified.cosignatures:,}.",
    ]
    if not with_earlier:
        lines.append(
            "Events that were taken off the end together with their checkpoints, as by restoring "
            "an old backup, show only with --earlier."
        )
    return "\n".join(lines)
