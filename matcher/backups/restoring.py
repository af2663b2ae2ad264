"""Restoring a backup into an empty database and an empty store: all of it, or nothing.

1. The whole file is read: every member has the digest of the manifest, which this matcher's log has
   signed, and nothing is there beside them.
2. The database has no rows, and the store no objects but the backup's own; the tables are made if
   there are none.
3. In one transaction: the objects are stored, each held against its digest once more, the rows are
   inserted, and the log is verified as ``matcher verify-log`` does. Then all is committed.

A restore that is killed leaves objects that no row names; the next one finds them right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, Table, delete, func, select

from linkage.audit.keys import VerifierKey
from linkage.errors import LinkageError, PolicyError
from matcher.backups.archive import Entry, read_archive
from matcher.backups.failures import BackupError
from matcher.backups.manifest import (
    MANIFEST,
    MOST_BYTES,
    NOTE,
    OBJECTS,
    TABLES,
    Manifest,
    Member,
    verify_manifest,
)
from matcher.backups.named import PREFIXES
from matcher.backups.rows import MOST_MEMBER, tables, write_rows
from matcher.ledger.verifying import verify_log_of
from matcher.objects.failures import ObjectMissingError
from matcher.objects.objects import Objects
from matcher.objects.streams import sha256_of
from matcher.store.database import Database
from matcher.store.failures import VersionError
from matcher.store.migrating import migrating, needed_version, plan_migration
from matcher.store.tables import log_head


def verify_backup(file: IO[bytes], key: VerifierKey) -> Manifest:
    """Read a whole backup and return its manifest; nothing is written.

    Raises `BackupError` if it is damaged, cut short, or not signed by ``key``; `VersionError` if
    another release has made it.
    """
    found: dict[str, Member] = {}
    ends: dict[str, bytes] = {}
    for entry in read_archive(file):
        if entry.name in found or NOTE in ends or (MANIFEST in ends and entry.name != NOTE):
            raise BackupError("The backup holds a member twice, or one after its end.")
        if entry.name in (MANIFEST, NOTE):
            ends[entry.name] = entry.content(MOST_BYTES)
        else:
            found[entry.name] = _digested(entry)
    if set(ends) != {MANIFEST, NOTE}:
        raise BackupError("The backup is damaged or was cut short; take another copy of it.")
    manifest = verify_manifest(ends[MANIFEST], ends[NOTE], key)
    _require_members(found, manifest)
    _require_version(manifest)
    return manifest


class Restorer:
    """Restores backups of the matcher whose log has ``key`` into its empty database."""

    def __init__(self, database: Database, objects: Objects, key: VerifierKey) -> None:
        self._database = database
        self._objects = objects
        self._key = key

    def plan(self, path: Path) -> Manifest:
        """Verify a backup, and that it could be restored here; writes nothing."""
        with path.open("rb") as file:
            return self._planned(file)

    def _planned(self, file: IO[bytes]) -> Manifest:
        manifest = verify_backup(file, self._key)
        versions = plan_migration(self._database)
        if versions.found == versions.needed:
            with self._database.reading() as connection:
                require_empty(connection)
        _require_own(self._objects, manifest)
        return manifest

    def restore(self, path: Path) -> Manifest:
        """Restore a backup, and return what it says of itself.

        Raises `BackupError` if it is damaged, `PolicyError` if the database isn't empty or the
        store holds other objects than the backup's, `LogError` if the log doesn't verify. Nothing
        is changed then.
        """
        stored: list[str] = []
        # Held open, so that whatever takes its name meanwhile, it is the one that was verified.
        with path.open("rb") as file:
            manifest = self._planned(file)
            try:
                with migrating(self._database) as connection:
                    require_empty(connection)
                    self._objects.make_ready()
                    self._restore(connection, file, manifest, stored)
                    verify_log_of(connection, self._key)
            except BaseException:
                self._take_back(stored)
                raise
        return manifest

    def _restore(
        self, connection: Connection, file: IO[bytes], manifest: Manifest, stored: list[str]
    ) -> None:
        connection.execute(delete(log_head))  # its one row is in the backup
        known = {table.name: table for table in tables()}
        for kind, entries in groupby(_members_again(file, manifest), _kind):
            if kind == OBJECTS:
                for entry in entries:
                    self._store(entry, manifest.members[entry.name], stored)
            else:
                write_rows(connection, _table(known, kind), _verified(entries, manifest))

    def _store(self, entry: Entry, member: Member, stored: list[str]) -> None:
        key = entry.name.removeprefix(OBJECTS)
        if self._has(key, member):
            return
        digest = hashlib.sha256()
        with self._objects.draft(key) as draft:
            for chunk in entry.chunks():
                digest.update(chunk)
                draft.write(chunk)
            if digest.hexdigest() != member.sha256:
                raise _changed(entry.name)
            stored.append(key)
            draft.store()

    def _has(self, key: str, member: Member) -> bool:
        """Whether the object is there; raises `PolicyError` if another one is."""
        try:
            with self._objects.open(key) as file:
                digest = sha256_of(file)
        except ObjectMissingError:
            return False
        if digest != member.sha256:
            raise PolicyError(
                f"The store holds another object {key} than the backup, and nothing is "
                "overwritten; restore into an empty store."
            )
        return True

    def _take_back(self, stored: list[str]) -> None:
        """Delete what was stored for a restore that has failed."""
        for key in stored:
            try:
                self._objects.delete(key)
            except LinkageError:  # the next restore finds it right; the first failure is said
                return


def require_empty(connection: Connection) -> None:
    """Raise `PolicyError` if a table has rows, but for the log's head at 0."""
    for table in tables():
        query = select(func.count()).select_from(table)
        if table is log_head:
            query = query.where(log_head.c.size > 0)
        if connection.execute(query).scalar_one():
            raise PolicyError(
                f"The database holds rows in {table.name} and nothing is overwritten; restore "
                "into an empty database."
            )


def _require_own(objects: Objects, manifest: Manifest) -> None:
    """Raise `PolicyError` if the store holds what the backup doesn't.

    No restored row would name it, so that nobody could use it any more, and a purge deletes it.
    """
    if objects.is_to_be_made():
        return
    own = manifest.objects
    other = [key for prefix in PREFIXES for key in objects.list(prefix) if key not in own]
    if other:
        raise PolicyError(
            f"The store holds {len(other):,} objects that aren't the backup's, such as {other[0]}, "
            "and no restored row would name them; restore into an empty store."
        )


def _digested(entry: Entry) -> Member:
    digest = hashlib.sha256()
    for chunk in entry.chunks():
        digest.update(chunk)
    return Member(digest.hexdigest(), entry.size)


def _require_members(found: dict[str, Member], manifest: Manifest) -> None:
    if found.keys() - manifest.members.keys():
        raise BackupError("The backup holds members that its manifest doesn't know.")
    for name, member in manifest.members.items():
        if found.get(name) != member:
            raise BackupError(
                f"The backup's member {name} isn't what its manifest says; the file was damaged: "
                "take another copy of it."
            )


def _require_version(manifest: Manifest) -> None:
    if manifest.version != needed_version():
        raise VersionError(
            f"The backup has tables of version {manifest.version} and this release has "
            f"{needed_version()}; restore it with the release that has made it, then upgrade."
        )


def _members_again(file: IO[bytes], manifest: Manifest) -> Iterator[Entry]:
    """Yield the members of a verified backup; raises `BackupError` unless all are still there."""
    left = set(manifest.members)
    for entry in read_archive(file):
        if entry.name in (MANIFEST, NOTE):
            continue
        if entry.name not in left:
            raise _changed(entry.name)
        left.remove(entry.name)
        yield entry
    if left:
        raise _changed(min(left))


def _kind(entry: Entry) -> str:
    """Return the name of the table, or `OBJECTS`."""
    if entry.name.startswith(OBJECTS):
        return OBJECTS
    return entry.name.removeprefix(TABLES).split("/")[0]


def _table(known: dict[str, Table], name: str) -> Table:
    if name not in known:
        raise BackupError(f"The backup holds rows of {name}, which is no table of this release.")
    return known[name]


def _verified(entries: Iterator[Entry], manifest: Manifest) -> Iterator[bytes]:
    for entry in entries:
        content = entry.content(MOST_MEMBER)
        if hashlib.sha256(content).hexdigest() != manifest.members[entry.name].sha256:
            raise _changed(entry.name)
        yield content


def _changed(name: str) -> BackupError:
    return BackupError(f"The backup's member {name} changed while it was read.")
