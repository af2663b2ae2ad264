"""Where the passphrase comes from: a file, the system keyring, or the person at the terminal.

Never a command line or an environment variable, which other programs can read.
"""

from __future__ import annotations

import os
import secrets
import stat
import sys
import unicodedata
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from linkage.errors import InputError, PolicyError

LEAST_CHARACTERS = 12
_SERVICE = "concord"

Ask = Callable[[str], str]
"""Asks a person for a text that isn't shown; given the question."""


def read_passphrase(folder: Path, file: Path | None, ask: Ask) -> bytes:
    """Return the passphrase of the keystore in ``folder``.

    From the file if one is given, else from the system keyring if it is there, else from ``ask``.
    """
    if file is not None:
        return _from_file(file)
    kept = _kept(folder)
    if kept is not None:
        return normal(kept)
    return normal(ask(f"Passphrase of the keystore in {folder}"))


def new_passphrase(file: Path | None, ask: Ask) -> bytes:
    """Return the passphrase for a new keystore, asked for twice; raise `PolicyError` if short."""
    if file is not None:
        return _long_enough(_from_file(file))
    first = normal(ask(f"New passphrase, at least {LEAST_CHARACTERS} characters"))
    if normal(ask("The same again")) != first:
        raise InputError("The two passphrases differ; nothing was written, so try again.")
    return _long_enough(first)


def keyring_or_reason() -> tuple[Any, str]:
    """Return the system keyring's module, or None and why there is none.

    ``keyring`` is an extra, since a server has no keyring to talk to.
    """
    try:
        keyring = import_module("keyring")
    except ImportError:
        return None, "the package 'keyring' isn't installed"
    if getattr(keyring.get_keyring(), "priority", 0) < 1:
        return None, "this machine offers no system keyring"
    return keyring, ""


def keep_new_passphrase(keyring: Any, folder: Path) -> bytes:
    """Draw a passphrase of 256 bits, leave it in the system keyring, and return it."""
    drawn = secrets.token_urlsafe(32)
    keyring.set_password(_SERVICE, str(folder.resolve()), drawn)
    return normal(drawn)


def ask_on_terminal(question: str) -> str:
    """Ask the person at the terminal; raise `InputError` where nobody is there."""
    if not sys.stdin.isatty():
        raise InputError(
            "There is no terminal to ask for the passphrase; give --passphrase-file FILE."
        )
    click = import_module("click")
    answer: str = click.prompt(question, hide_input=True, err=True)
    return answer


def normal(text: str) -> bytes:
    """Return a passphrase as bytes that don't depend on the keyboard it was typed on (NFC)."""
    return unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")


def _kept(folder: Path) -> str | None:
    keyring, _ = keyring_or_reason()
    if keyring is None:
        return None
    try:
        found: str | None = keyring.get_password(_SERVICE, str(folder.resolve()))
    except keyring.errors.KeyringError:
        return None  # locked or out of reach: the terminal is asked
    return found


def _from_file(path: Path) -> bytes:
    with path.open("rb") as source:
        mode = os.fstat(source.fileno()).st_mode
        if os.name == "posix" and stat.S_ISREG(mode) and mode & 0o077:
            raise PolicyError(
                f"The passphrase in {path} can be read by others than its owner; run 'chmod 600 "
                f"{path}', and choose another if others may have read it."
            )
        content = source.read(4096)
    try:
        text = content.decode("utf-8").strip("\r\n")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text in UTF-8; save the passphrase as UTF-8.") from None
    if not text:
        raise InputError(f"{path} is empty; it holds the passphrase on one line.")
    return normal(text)


def _long_enough(passphrase: bytes) -> bytes:
    if len(passphrase.decode("utf-8", "surrogatepass")) < LEAST_CHARACTERS:
        raise PolicyError(
            f"A passphrase has at least {LEAST_CHARACTERS} characters; four or five random words "
            "are easy to remember and hard to guess."
        )
    return passphrase
