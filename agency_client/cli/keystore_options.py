"""The options of every command that needs the keystore, and what they stand for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from agency_client.cli.options import FILE
from agency_client.keystore.passphrase import ask_on_terminal, read_passphrase
from agency_client.keystore.store import OpenKeystore, open_keystore, require_sound_keystore
from agency_client.keystore.wrapping import DEFAULT_PARAMETERS, Argon2Parameters

DEFAULT_FOLDER = Path("~/.config/concord")

_Command = TypeVar("_Command", bound=Callable[..., Any])

keystore_option = click.option(
    "--keystore",
    type=FILE,
    default=DEFAULT_FOLDER,
    envvar="CONCORD_KEYSTORE",
    show_default=True,
    callback=lambda _ctx, _param, value: value.expanduser(),
    help="Folder of your keys; also by the variable CONCORD_KEYSTORE.",
)
passphrase_option = click.option(
    "--passphrase-file",
    type=FILE,
    help="File with the passphrase, readable by you alone; else you are asked.",
)


def keystore_options(command: _Command) -> _Command:
    """Add --keystore and --passphrase-file to a command."""
    return keystore_option(passphrase_option(command))


def opened(keystore: Path, passphrase_file: Path | None) -> OpenKeystore:
    """Open the keystore; a missing or damaged one is refused before anybody is asked anything."""
    require_sound_keystore(keystore)
    return open_keystore(keystore, read_passphrase(keystore, passphrase_file, ask_on_terminal))


def argon2_parameters(ctx: click.Context) -> Argon2Parameters:
    """Return the cost of a guess: the usual one, unless a program that calls this says another."""
    return ctx.find_object(Argon2Parameters) or DEFAULT_PARAMETERS
