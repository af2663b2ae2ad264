"""``agency-client init``: a party's own keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from agency_client.cli.failures import say
from agency_client.cli.keystore_options import argon2_parameters, keystore_option
from agency_client.cli.matcher_options import matcher_options
from agency_client.cli.options import dry_run_option, format_option
from agency_client.keystore.passphrase import (
    ask_on_terminal,
    keep_new_passphrase,
    keyring_or_reason,
    new_passphrase,
)
from agency_client.keystore.store import (
    KEYS_FILE,
    create_keystore,
    refuse_existing,
    require_name,
)
from agency_client.matcher_api.place import MatcherPlace, keep_place, read_place

_EXAMPLE = """\b
Example:
  agency-client init --name police
  agency-client init --name police --keystore keys/ --passphrase-file passphrase.txt
  agency-client init --name police --matcher https://matcher.example \\
      --log-key 'matcher.example/log+1a2b3c4d+AQ...'
"""


@click.command(epilog=_EXAMPLE)
@click.option("--name", required=True, help="Your name in the agreements, such as 'police'.")
@keystore_option
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    help="File with the new passphrase, readable by you alone; else you are asked.",
)
@click.option(
    "--use-keyring",
    is_flag=True,
    help="Draw the passphrase and keep it in this machine's keyring, where there is one.",
)
@matcher_options
@dry_run_option
@format_option
@click.pass_context
def init(
    ctx: click.Context,
    /,
    *,
    name: str,
    keystore: Path,
    passphrase_file: Path | None,
    use_keyring: bool,
    dry_run: bool,
    output: Literal["text", "json"],
    **given: str | None,
) -> None:
    """Make your keys: one pair to sign with, one pair that others seal to.

    They are kept in the keystore, a folder that only you can enter, under a passphrase. Keep a copy
    of the folder and of the passphrase in two safe places: keys that are lost can't be had again,
    and everybody would have to sign a new agreement.

    With --matcher and --log-key the keystore also notes which matcher you use: commands then need
    neither. Compare the key's fingerprint with the operator first. For a keystore that is there
    already, they change that alone.
    """
    matcher, log_key = given["matcher"], given["log_key"]
    place = read_place(keystore, matcher, log_key) if matcher or log_key else None
    require_name(name)
    if place is not None and (keystore / KEYS_FILE).exists():
        _keep(keystore, place, dry_run)
        return
    refuse_existing(keystore)
    if dry_run:
        say(f"would make the keys of {name} in {keystore}; nothing was written.")
        return
    passphrase = _passphrase(keystore, passphrase_file, use_keyring=use_keyring)
    public = create_keystore(keystore, name, passphrase, argon2_parameters(ctx))
    if place is not None:
        _keep(keystore, place, dry_run)
    if output == "json":
        outcome = {"name": name, "keystore": str(keystore), "fingerprint": public.fingerprint}
        click.echo(json.dumps(outcome))
    else:
        click.echo(f"keys of {name} in {keystore}\nfingerprint  {public.fingerprint}")
    say("hand over your card with 'agency-client identity --out card.toml'.")


def _keep(keystore: Path, place: MatcherPlace, dry_run: bool) -> None:
    if not dry_run:
        keep_place(keystore, place)
    say(
        f"{'would note' if dry_run else 'noted'} the matcher {place.url}; its log's fingerprint is "
        f"{place.log_key.fingerprint}."
    )


def _passphrase(keystore: Path, file: Path | None, *, use_keyring: bool) -> bytes:
    if use_keyring and file is not None:
        raise click.UsageError("give either --use-keyring or --passphrase-file")
    if use_keyring:
        keyring, reason = keyring_or_reason()
        if keyring is not None:
            return keep_new_passphrase(keyring, keystore)
        say(f"the keyring can't be used, since {reason}; a passphrase of yours is used instead.")
    return new_passphrase(file, ask_on_terminal)
