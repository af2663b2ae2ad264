"""Failures as one sentence for the person at the terminal, and an exit code for scripts."""

from __future__ import annotations

import os
import traceback
from typing import Any

import click

from linkage.errors import LinkageError

PROGRAM = "agency-client"
DEBUG_VARIABLE = "CONCORD_DEBUG"
FAILED = LinkageError.exit_code
INTERRUPTED = 130


class FailingGroup(click.Group):
    """A group whose commands fail with a sentence instead of a traceback."""

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
