"""What can be said of the log at once: its newest checkpoint, its witnesses, its verification."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from linkage.audit.checkpoint import verify_checkpoint
from linkage.audit.failures import LogError
from linkage.audit.keys import VerifierKey
from linkage.errors import VerificationError
from matcher.ledger.stored_log import StoredLog
from matcher.store.database import Database
from matcher.store.tables import log_cosignatures, log_verified

_NEWEST = 1000
"""Among how many cosignatures witnesses are looked for: every change may have one of each."""


@dataclass(frozen=True)
class Verified:
    """When the whole stored log was verified last (POSIX seconds).

    ``size`` is how many events it had, ``sound`` whether nothing was wrong.
    """

    at: int
    size: int
    sound: bool


@dataclass(frozen=True)
class Witnessed:
    """A witness, and the size of the largest checkpoint that it has cosigned."""

    name: str
    size: int


@dataclass(frozen=True)
class Badge:
    """The state of the log: ``note`` is the newest checkpoint as it was signed, empty without one.

    ``holds`` says that its signature and the right edge of the stored tree fit each other, which
    is no verification of the whole.
    """

    size: int
    note: str
    holds: bool
    witnesses: tuple[Witnessed, ...]
    verified: Verified | None


class Badges:
    """Reads and notes what is known of the log; ``key`` is the log's own."""

    def __init__(self, database: Database, key: VerifierKey) -> None:
        self._database = database
        self._key = key

    def read(self) -> Badge:
        """Return the state of the log as it is stored now."""
        with self._database.reading() as connection:
            log = StoredLog(connection)
            size = log.size()
            row = connection.execute(select(log_verified)).one_or_none()
            return Badge(
                size,
                log.note(size).text if size else "",
                self._holds(log, size),
                _witnesses(connection),
                None if row is None else Verified(row.at, row.size, row.sound),
            )

    def _holds(self, log: StoredLog, size: int) -> bool:
        if not size:
            return True
        try:
            signed = verify_checkpoint(log.note(size), self._key)
            return (signed.size, signed.root) == (size, log.frontier(size).root())
        except (LogError, VerificationError):
            return False


def _witnesses(connection: Connection) -> tuple[Witnessed, ...]:
    """Return the witnesses of the newest cosignatures, by name, each with its largest size."""
    of = log_cosignatures.c
    query = select(of.witness, of.size).order_by(of.size.desc()).limit(_NEWEST)
    found: dict[str, int] = {}
    for name, size in connection.execute(query):
        found.setdefault(name, size)
    return tuple(Witnessed(name, size) for name, size in sorted(found.items()))


def note_verification(database: Database, found: Verified) -> None:
    """Note what a verification of the whole stored log has found, in place of the one before."""
    with database.writing() as connection:
        connection.execute(delete(log_verified))
        values = {"id": 1, "at": found.at, "size": found.size, "sound": found.sound}
        connection.execute(insert(log_verified).values(**values))
