"""Showing commands as a user types them, and running them as the user's shell would."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

import click

from examples.forking import can_fork, execute_forked


def run_command(
    *words: str | Path, lines: int | None = None, shown: bool = True, forked: bool = False
) -> str:
    """Run a command of Concord's and return what it printed; raises `click.ClickException`.

    ``shown`` prints the command first, and then the first ``lines`` of what it says, or all. The
    client's may be ``forked`` where they are many.
    """
    program, *arguments = (str(word) for word in words)
    if shown:
        say_command(program, *arguments)
    finished = execute(program, arguments, shown=shown, forked=forked)
    if shown:
        click.echo("\n".join(finished.stdout.splitlines()[:lines]))
    if finished.returncode:
        click.echo(finished.stderr or "", err=True)
        raise click.ClickException(f"{program} ended with exit code {finished.returncode}")
    return finished.stdout


def execute(
    program: str, arguments: list[str], *, shown: bool, forked: bool
) -> CompletedProcess[str]:
    """Run a program to its end; what it says of its progress is passed on if ``shown``."""
    if forked and can_fork():
        return execute_forked(arguments, shown=shown)
    return subprocess.run(  # noqa: S603
        [installed(program), *arguments],
        stdout=subprocess.PIPE,
        stderr=None if shown else subprocess.PIPE,
        text=True,
        check=False,
    )


def say_command(program: str, *arguments: str) -> None:
    """Print a command in one line, with paths as seen from here."""
    here = f"{Path.cwd()}/"
    words = [program, *(argument.replace(here, "") for argument in arguments)]
    click.secho(f"$ {shlex.join(words)}", fg="cyan")


def say_note(text: str) -> None:
    """Print what a person is told between commands."""
    click.secho(f"# {text}", fg="bright_black")


def installed(program: str) -> Path:
    """Return where a program of this environment lies."""
    return Path(sys.executable).parent / program
