"""The file of a backup: a tar that is written once from front to back, and read strictly."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from linkage.errors import InputError
from matcher.backups.failures import BackupError
from matcher.backups.manifest import Member
from matcher.durable import sync_folder

CHUNK_BYTES = 1 << 20
_PARTIAL = ".partial"


class ArchiveWriter:
    """Adds members, and remembers the digest of each."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.members: dict[str, Member] = {}

    def add(self, name: str, content: bytes) -> None:
        """Add a member."""
        self.add_stream(name, io.BytesIO(content), len(content))

    def add_stream(self, name: str, source: IO[bytes], size: int) -> None:
        """Add a member of ``size`` bytes; raises `BackupError` if the source has another size."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        hashing = _Hashing(source)
        try:
            self._tar.addfile(info, hashing)
        except OSError as error:
            if hashing.size < size and error.errno is None:
                raise BackupError(f"{name} has fewer than its {size:,} bytes.") from None
            raise
        if source.read(1):
            raise BackupError(f"{name} has more than its {size:,} bytes.")
        self.members[name] = Member(hashing.digest.hexdigest(), size)
        _forget_members(self._tar)


@contextmanager
def new_archive(sink: IO[bytes]) -> Iterator[ArchiveWriter]:
    """Open an archive for writing, which ends with the context."""
    with tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        yield ArchiveWriter(tar)


class _Hashing(io.RawIOBase):
    """Reads through to a source, and hashes what passes."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self.digest.update(data)
        self.size += len(data)
        return data


@dataclass(frozen=True)
class Entry:
    """A member as it stands in a file, to be read before the next one is asked for."""

    name: str
    size: int
    source: IO[bytes]

    def chunks(self) -> Iterator[bytes]:
        """Yield its bytes; raises `BackupError` if the file ends before."""
        left = self.size
        while left:
            try:
                data = self.source.read(min(CHUNK_BYTES, left))
            except tarfile.ReadError:
                raise _cut_short() from None
            left -= len(data)
            yield data

    def content(self, most: int) -> bytes:
        """Return its bytes, of which there may be ``most``."""
        if self.size > most:
            raise BackupError(f"The backup's {self.name} is larger than any can be.")
        return b"".join(self.chunks())


def read_archive(file: IO[bytes]) -> Iterator[Entry]:
    """Yield the members in their order; raises `BackupError` for what no backup holds."""
    file.seek(0)
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            while (info := tar.next()) is not None:
                source = tar.extractfile(info) if info.isreg() and not info.sparse else None
                if source is None:
                    raise BackupError("The backup holds something that isn't a file.")
                yield Entry(info.name, info.size, source)
                _forget_members(tar)
    # Not all that is wrong with a header is an error of tarfile's own.
    except (tarfile.TarError, EOFError, OverflowError, ValueError):
        raise _cut_short() from None


def _forget_members(tar: tarfile.TarFile) -> None:
    """Keep it from remembering every member that has passed, which may be very many."""
    tar.members = []  # type: ignore[attr-defined]


def _cut_short() -> BackupError:
    return BackupError("The backup is damaged or was cut short; take another copy of it.")


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file, readable by its owner only, that is there once the context ends well.

    It is written beside its place as ``NAME.partial``, which the next attempt replaces. Raises
    `InputError` if the place is taken: an earlier backup is never lost for a newer one.
    """
    refuse_taken(path)
    partial = path.with_name(path.name + _PARTIAL)
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        refuse_taken(path)
        partial.replace(path)
        sync_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def refuse_taken(path: Path) -> None:
    """Raise `InputError` if a file can't be made at a path."""
    if not path.parent.is_dir():
        raise InputError(f"The folder {path.parent} for {path.name} doesn't exist; make it.")
    if path.exists() or path.is_symlink():
        raise InputError(f"{path} is there already and nothing is overwritten; choose another.")
