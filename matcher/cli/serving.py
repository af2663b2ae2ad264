"""The commands ``serve`` and ``admit``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from matcher.cli.options import FILE, FOLDER, example, format_option

# The commands import what they run: help and refusals needn't wait for it.


@click.command("serve", epilog=example("matcher serve /srv/concord --port 8400"))
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--host", help="Where to listen; [service] host if not given.")
@click.option("--port", help="Where to listen; [service] port if not given.")
def serve_command(folder: Path, host: str | None, port: str | None) -> None:
    """Serve the matcher in DIR over HTTP, until SIGTERM or Ctrl-C.

    It listens on this machine alone unless told otherwise: put a proxy with TLS before it, and set
    [service] public_url. A database that 'matcher migrate' hasn't brought to this release is
    refused. When it is told to stop, requests that are under way are answered first. It starts the
    processes of [worker], which carry out runs.
    """
    from matcher.app.building import serve
    from matcher.app.working import workers
    from matcher.config.loading import load_settings

    given = {"service.host": host, "service.port": port}
    flags = {name: value for name, value in given.items() if value is not None}
    settings = load_settings(folder, os.environ, flags)
    with workers(folder, flags, settings.sections.worker.processes):
        serve(settings, lambda address: click.echo(f"matcher: serving {address}", err=True))
    click.echo("matcher: stopped", err=True)


@click.command("admit", epilog=example("matcher admit /srv/concord agreement.toml"))
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.argument("agreement", metavar="AGREEMENT", type=FILE)
@click.option("--dry-run", is_flag=True, help="Check everything, and store nothing.")
@format_option
def admit_command(folder: Path, agreement: Path, dry_run: bool, output: str) -> None:
    """Admit an AGREEMENT to the matcher in DIR: from then on its parties are heard.

    Signatures beside it, NAME.PARTY.signed, are stored with it. That of the party with the role
    matcher is your consent: the matcher makes it itself if the agreement has the keys of 'matcher
    identity', else it must be among them. The others may come over HTTP. Admitting it again adds
    signatures that are new.
    """
    from matcher.app.building import open_matcher
    from matcher.app.files import read_agreement, signatures_beside
    from matcher.config.loading import load_settings

    agreed, signed = read_agreement(agreement), signatures_beside(agreement)
    admission = open_matcher(load_settings(folder, os.environ, {})).admission
    added = admission.plan(agreed, signed) if dry_run else admission.admit(agreed, signed)
    terms = agreed.agreement
    if output == "json":
        said = {"id": terms.id, "version": terms.version, "digest": agreed.digest()}
        click.echo(json.dumps(said | {"signatures": added, "dry_run": dry_run}))
        return
    done = "would be admitted" if dry_run else "is admitted"
    click.echo(f"{terms.id} version {terms.version} {done}")
    click.echo(f"digest          {agreed.digest()}")
    click.echo(f"new signatures  {', '.join(added) or 'none'}")
