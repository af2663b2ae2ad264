"""Failures as one sentence for the person at the terminal, and an exit code for scripts."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from linkage.errors import LinkageError

PROGRAM = "agency-client"
DEBUG_VARIABLE = "CONCORD_DEBUG"
FAILED = LinkageError.exit_code
INTERRUPTED = 130


class FailingGroup(click.Group):
    """A group whose commands fail with a sentence instead of a traceback.

    ``modules`` names, per command, the module that holds it under the command's own name.
    """

    def __init__(self, *args: Any, modules: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self._modules = dict(modules or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *self._modules})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, loading its module if it has one."""
        if cmd_name not in self._modules:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(self._modules[cmd_name]), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; say what went wrong and leave with the exit code for it."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click shows these itself
        except LinkageError as error:
            say(str(error))
            ctx.exit(error.exit_code)
        except OSError as error:
            say(_os_sentence(error))
            ctx.exit(FAILED)
        except KeyboardInterrupt:
            say("interrupted; no output was written.")
            ctx.exit(INTERRUPTED)
        except Exception as error:  # noqa: BLE001 - the last resort, so that no cell is shown
            say(_fault_sentence(error))
            if os.environ.get(DEBUG_VARIABLE) == "1":
                click.echo(traceback.format_exc(), err=True)
            ctx.exit(FAILED)


def say(sentence: str) -> None:
    """Print a sentence for a person, after the program's name, on standard error."""
    click.echo(f"{PROGRAM}: {sentence}", err=True)


def _os_sentence(error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    if error.filename is None:
        return f"{reason}."
    return f"{os.fsdecode(error.filename)}: {reason}."


def _fault_sentence(error: Exception) -> str:
    return (
        f"stopped by a fault of its own ({type(error).__name__}); no output was written; run again "
        f"with {DEBUG_VARIABLE}=1 to see where, on a screen that only you can see."
    )
