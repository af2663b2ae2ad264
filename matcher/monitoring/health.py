"""Whether a matcher can do its work: its database, its store of objects, its log's key."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from linkage.audit.keys import VerifierKey
from linkage.errors import LinkageError
from matcher.config.log_key import read_signer
from matcher.config.settings import Settings
from matcher.ledger.stored_log import StoredLog
from matcher.logs.lines import log_fault
from matcher.objects.objects import Objects
from matcher.store.database import Database

FRESH_SECONDS = 5.0
"""For how long an answer counts: whoever asks more often makes no more work."""
PROBE_FOLDER = "health"


@dataclass(frozen=True)
class Health:
    """Which parts are well, by name."""

    database: bool
    objects: bool
    log_key: bool

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of what isn't well."""
        return tuple(name for name, well in vars(self).items() if not well)


class HealthChecks:
    """Asks every part, at most once in `FRESH_SECONDS`; ``seconds`` never run backwards."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        objects: Objects,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._database = database
        self._objects = objects
        self._seconds = seconds
        self._lock = Lock()
        self._last: tuple[float, Health] | None = None

    def check(self) -> Health:
        """Return how the parts are; why one isn't well is in the service's log alone."""
        with self._lock:
            if self._last is None or self._seconds() - self._last[0] >= FRESH_SECONDS:
                self._last = (self._seconds(), self._ask())
            return self._last[1]

    def _ask(self) -> Health:
        return Health(
            database=_works(self._read_database),
            objects=_works(self._probe),
            log_key=_works(self._read_key),
        )

    def _read_database(self) -> None:
        with self._database.reading() as connection:
            StoredLog(connection).size()

    def _probe(self) -> None:
        """Write an object, read it and delete it; each process has keys of its own."""
        key, content = f"{PROBE_FOLDER}/{os.getpid()}", secrets.token_bytes(16)
        self._objects.put(key, content)
        found = self._objects.get(key)
        self._objects.delete(key)
        if found != content:
            raise OSError("the store gave back something else than it was given")

    def _read_key(self) -> None:
        key: VerifierKey = self._settings.log_key
        read_signer(self._settings.log_key_file, key)


def _works(check: Callable[[], object]) -> bool:
    try:
        check()
    except (LinkageError, OSError) as error:
        log_fault(error)
        return False
    return True
