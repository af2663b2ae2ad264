"""The options of commands that may use a live matcher, and what they stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from agency_client.cli.failures import say
from agency_client.cli.keystore_options import keystore_options, opened
from agency_client.cli.options import FILE
from agency_client.keystore.store import OpenKeystore
from agency_client.matcher_api.place import MatcherPlace, read_place
from linkage.errors import LinkageError

if TYPE_CHECKING:
    from agency_client.matcher_api.api import MatcherApi

_Command = TypeVar("_Command", bound=Callable[..., Any])


def matcher_options(command: _Command) -> _Command:
    """Add --matcher and --log-key to a command."""
    url = click.option(
        "--matcher",
        metavar="URL",
        envvar="CONCORD_MATCHER",
        help="Address of the matcher; also by CONCORD_MATCHER, or kept with 'init'.",
    )
    key = click.option(
        "--log-key",
        metavar="KEY",
        envvar="CONCORD_MATCHER_KEY",
        help="The verifier key of its log; also by CONCORD_MATCHER_KEY, or kept with 'init'.",
    )
    return url(key(command))


@dataclass(frozen=True)
class Desk:
    """Where a command works: with which keystore, and with which matcher if any."""

    keystore: Path
    passphrase_file: Path | None
    matcher: str | None
    log_key: str | None

    def opened(self) -> OpenKeystore:
        """Open the keystore."""
        return opened(self.keystore, self.passphrase_file)

    def place(self) -> MatcherPlace | None:
        """Return the matcher that is to be used, None for work with files alone."""
        return read_place(self.keystore, self.matcher, self.log_key)

    def matcher_place(self) -> MatcherPlace:
        """Return the matcher, for a command that can't do without; else a `UsageError`."""
        place = self.place()
        if place is None:
            raise click.UsageError("give the matcher with --matcher and --log-key")
        return place


def desk_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of keystore and matcher to a command, which gets them as ``desk``."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        own = {field.name: options.pop(field.name) for field in fields(Desk)}
        return command(*args, desk=Desk(**own), **options)

    return keystore_options(matcher_options(run))


agreement_option = click.option(
    "--agreement",
    required=True,
    type=FILE,
    help="The agreement; signatures that aren't beside it are fetched from the matcher.",
)
"""For commands under an agreement that talk to its matcher."""


@contextmanager
def connected(place: MatcherPlace, store: OpenKeystore) -> Iterator[MatcherApi]:
    """Open a connection to a matcher for a command."""
    # What speaks HTTP takes a moment to load, which commands without a matcher needn't wait for.
    from agency_client.matcher_api.api import MatcherApi
    from agency_client.matcher_api.connection import Connection

    with Connection(place, store) as connection:
        yield MatcherApi(connection)


def witness_quietly(api: MatcherApi) -> None:
    """Cosign the newest state of the log after a command that changed something.

    The command has done its work: that the word of this witness is missing is said, and no failure.
    """
    try:
        api.witness(int(datetime.now(UTC).timestamp()))
    except LinkageError as error:
        say(f"the log's state couldn't be witnessed just now ({error})")
