"""Where a log comes from: a bundle in a file, or a live matcher."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from agency_client.cli.matcher_options import Desk, connected
from agency_client.log_files import opened_bundle
from agency_client.matcher_api.place import MatcherPlace
from linkage.audit.bundle import read_note
from linkage.audit.checkpoint import Checkpoint
from linkage.audit.keys import VerifierKey

if TYPE_CHECKING:
    from agency_client.matcher_api.api import MatcherApi


@dataclass(frozen=True)
class Source:
    """A bundle in a file; if it is a matcher's, from where, and what was seen of it before."""

    path: Path
    place: MatcherPlace | None = None
    seen: Checkpoint | None = None
    api: MatcherApi | None = None

    @property
    def known_key(self) -> VerifierKey:
        """The key of the matcher's log; only for a matcher's."""
        assert self.place is not None
        return self.place.log_key


@contextmanager
def bundle_from(bundle: Path | None, desk: Desk) -> Iterator[Source]:
    """Give the bundle, or download that of the matcher for as long as the context lasts.

    A matcher's is held against the state that the keystore has pinned: raises `LogError` where it
    isn't of the same history.
    """
    if bundle is not None:
        yield Source(bundle)
        return
    place = desk.place()
    if place is None:
        raise click.UsageError("give a BUNDLE, or a matcher with --matcher and --log-key")
    with TemporaryDirectory() as folder, connected(place, desk.opened()) as api:
        path = Path(folder) / "log.txt"
        seen = api.connection.log.pinned.pinned
        with path.open("wb") as sink:
            api.bundle(sink)
        with opened_bundle(path) as lines:
            api.connection.hold_against(read_note(lines).to_bytes())
        yield Source(path, place, seen if seen.size else None, api)
