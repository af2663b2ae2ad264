"""Parties at work, each in a folder of its own with its own keys: agencies, an operator, others."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import click

from examples.showing import installed, run_command, say_command

AGREEMENT = "agreement.toml"
_MARK = ".concord-demo"
_MARK_TEXT = "A demonstration made this folder; the next one deletes all of it.\n"
_PATIENCE = 60.0


@dataclass(frozen=True)
class Desk:
    """Where a party works; ``shown`` says whether its commands are printed.

    They are ``forked`` where they are many.
    """

    name: str
    role: str
    folder: Path
    shown: bool = False
    forked: bool = False

    @property
    def agreement(self) -> Path:
        """The copy of the agreement that lies here."""
        return self.folder / AGREEMENT

    @property
    def card(self) -> Path:
        """The public keys that it hands over."""
        return self.folder / f"{self.name}.card.toml"

    def client(self, *words: str | Path, lines: int | None = None, keys: bool = True) -> str:
        """Run ``agency-client`` here; ``keys`` are given where the command takes them."""
        own = ("--keystore", self.folder / "keys", "--passphrase-file", self._passphrase)
        return run_command(
            "agency-client", *words, *(own if keys else ()),
            lines=lines, shown=self.shown, forked=self.forked,
        )  # fmt: skip

    def move_in(self, matcher: Sequence[str]) -> None:
        """Make folder, passphrase, keys and card; ``matcher`` are the options that name one."""
        self.folder.mkdir(parents=True)
        descriptor = os.open(self._passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(24))
        self.client("init", "--name", self.name, *matcher)
        self.client("identity", "--out", self.card)

    @property
    def _passphrase(self) -> Path:
        return self.folder / "passphrase"


@dataclass(frozen=True)
class Operator:
    """Who runs the matcher, in a folder that nothing else is in."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Where its agencies reach it: on this machine alone."""
        return f"http://127.0.0.1:{self.port}"

    def set_up(self, log_name: str) -> str:
        """Make folder and database; return the key of the log, for everybody to keep."""
        said = run_command("matcher", "init", self.folder, "--log-name", log_name)
        run_command("matcher", "migrate", self.folder)
        return next(line.strip() for line in said.splitlines() if line.startswith(f"  {log_name}+"))

    def card(self, name: str) -> Path:
        """Write down the matcher's own public keys, as those of a party; return where."""
        path = self.folder.with_name(f"{name}.card.toml")
        said = run_command("matcher", "identity", self.folder, "--name", name, shown=False)
        path.write_text(said, encoding="utf-8")
        return path

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve as long as the context lasts; what the service says goes to a file."""
        words = ["serve", str(self.folder), "--port", str(self.port)]
        say_command("matcher", *words)
        with (self.folder / "serve.log").open("ab") as log:
            process = subprocess.Popen([installed("matcher"), *words], stderr=log)  # noqa: S603
            try:
                self._await(process)
                yield
            finally:
                process.terminate()
                process.wait(timeout=_PATIENCE)

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until and process.poll() is None:
            try:
                with urlopen(f"{self.url}/healthz", timeout=5):  # noqa: S310
                    return
            except (URLError, ConnectionError, TimeoutError):
                time.sleep(0.2)
        raise click.ClickException(f"the matcher doesn't serve; see {self.folder / 'serve.log'}")


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def empty_folder(folder: Path) -> None:
    """Make a folder, without what an earlier demonstration left there; refuse any other."""
    if (folder / _MARK).is_file():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise click.ClickException(f"{folder} holds something else; name another folder.")
    (folder / _MARK).write_text(_MARK_TEXT, encoding="utf-8")
