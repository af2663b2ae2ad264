"""Making a backup while the service runs: the rows of one moment, then the objects they name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from linkage.audit.keys import Signer
from matcher.backups.archive import ArchiveWriter, new_archive, refuse_taken, written_whole
from matcher.backups.failures import BackupError
from matcher.backups.manifest import (
    MANIFEST,
    NOTE,
    OBJECTS,
    TABLES,
    TYPE,
    Manifest,
    require_room,
    sign_manifest,
)
from matcher.backups.named import Named, named_objects
from matcher.backups.rows import read_rows, tables
from matcher.ledger.stored_log import StoredLog
from matcher.objects.failures import ObjectMissingError
from matcher.objects.objects import Objects
from matcher.store.database import Database
from matcher.store.migrating import require_current

ATTEMPTS = 3
"""How often a backup begins anew because an upload was dropped before it was copied."""


@dataclass(frozen=True)
class Held:
    """What a backup holds: events of the log, objects, and their bytes."""

    log_size: int
    objects: int
    object_bytes: int


class BackupWriter:
    """Makes backups of a database and of the objects that it names."""

    def __init__(
        self, database: Database, objects: Objects, signer: Signer, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._objects = objects
        self._signer = signer
        self._clock = clock

    def plan(self, out: Path) -> Held:
        """Return what a backup would hold now, and write nothing; raises as `write` does."""
        refuse_taken(out)
        require_current(self._database)
        with self._database.reading() as connection:
            log_size = StoredLog(connection).size()
            named = list(named_objects(connection))
        require_room(OBJECTS + one.key for one in named)
        sizes = [self._objects.size(one.key) for one in named]
        return Held(log_size, len(sizes), sum(sizes))

    def write(self, out: Path) -> Held:
        """Write a backup, whole or not at all, readable by its owner only.

        All rows are those of one moment. An object never changes; if one was erased before it was
        copied, the backup begins anew. Raises `InputError` if the file exists,
        `ObjectMissingError` if an object stays away, `BackupError` if one isn't what its row says
        or there are more than a backup can name.
        """
        version = require_current(self._database)
        for left in reversed(range(ATTEMPTS)):
            try:
                with written_whole(out) as sink, new_archive(sink) as archive:
                    return self._write(archive, version)
            except ObjectMissingError:
                if not left:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _write(self, archive: ArchiveWriter, version: str) -> Held:
        made = int(self._clock().timestamp())
        log_size, named = self._write_rows(archive)
        require_room([*archive.members, *(OBJECTS + one.key for one in named)])
        for one in named:
            self._write_object(archive, one)
        manifest = Manifest(
            TYPE, made, version, str(self._signer.verifier), log_size, dict(archive.members)
        )
        content = manifest.content()
        archive.add(MANIFEST, content)
        archive.add(NOTE, sign_manifest(content, self._signer))
        held = manifest.objects.values()
        return Held(log_size, len(held), sum(one.size for one in held))

    def _write_rows(self, archive: ArchiveWriter) -> tuple[int, list[Named]]:
        """Write all rows; return the size of the log and the objects that they name."""
        with self._database.reading() as connection:
            for table in tables():
                for number, member in enumerate(read_rows(connection, table)):
                    archive.add(f"{TABLES}{table.name}/{number:06}.jsonl", member)
            return StoredLog(connection).size(), list(named_objects(connection))

    def _write_object(self, archive: ArchiveWriter, named: Named) -> None:
        name, size = OBJECTS + named.key, self._objects.size(named.key)
        with self._objects.open(named.key) as source:
            archive.add_stream(name, source, size)
        if archive.members[name].sha256 != named.sha256:
            raise BackupError(
                f"The object {named.key} isn't what was received or made: it was damaged in the "
                "store. Restore it from an earlier backup; else let its agency send it again, or "
                "queue its run again."
            )
