"""Whether a matcher can do its work: its database, its store of objects, its log's key."""

from __future__ import annotations

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
STALE_SECONDS = 30.0
"""How old an answer may become while a part keeps the one who asks it waiting."""
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


_UNKNOWN = Health(database=False, objects=False, log_key=False)


class HealthChecks:
    """Asks every part, at most once in `FRESH_SECONDS`; ``seconds`` never run backwards.

    Anybody may ask, so nobody waits for a part but the one who asks it: the others are given the
    last answer, and after `STALE_SECONDS` without a new one that nothing is well.
    """

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
        # Another process, on another machine perhaps, may probe the same store.
        self._probed = f"{PROBE_FOLDER}/{secrets.token_hex(8)}"
        self._lock = Lock()
        self._last: tuple[float, Health] | None = None

    def check(self) -> Health:
        """Return how the parts are; why one isn't well is in the service's log alone."""
        found = self._answer(FRESH_SECONDS)
        if found is None and self._lock.acquire(blocking=False):
            try:
                found = self._ask()
                # Stamped when it has come, or slow parts would be asked without a pause.
                self._last = (self._seconds(), found)
            finally:
                self._lock.release()
        return found or self._answer(STALE_SECONDS) or _UNKNOWN

    def _answer(self, most: float) -> Health | None:
        """Return the last answer, unless it is older than so many seconds."""
        last = self._last
        return None if last is None or self._seconds() - last[0] >= most else last[1]

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
        """Write an object, read it and delete it; each process has a key of its own."""
        key, content = self._probed, secrets.token_bytes(16)
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
