"""Objects in a bucket of S3, or of any store that speaks its language."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import IO

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from matcher.objects.failures import ObjectMissingError
from matcher.objects.objects import Draft, Objects, in_words, require_key
from matcher.objects.streams import Ranged

_READ_AHEAD = 2**20
# So that a large object takes 16 MiB of memory at most while it is sent.
_CHUNK = 8 * 2**20
_CHUNKS_AT_ONCE = 2
_RETRIES = 4
_PATIENCE = timedelta(seconds=60)


class Bucket(Objects):
    """A bucket, or what is below a prefix in it.

    Credentials, region and endpoint come from the usual variables (``AWS_ACCESS_KEY_ID``,
    ``AWS_SECRET_ACCESS_KEY``, ``AWS_REGION``, ``AWS_ENDPOINT_URL`` …). A draft is a nameless file
    of this machine until it is stored, so nothing half written is ever in the bucket.
    """

    def __init__(self, bucket: str, prefix: str) -> None:
        try:
            self._store = S3Store(
                bucket,
                prefix=prefix or None,
                retry_config={"max_retries": _RETRIES, "retry_timeout": _PATIENCE},
            )
        except BaseError as error:
            raise in_words(error) from error

    def __repr__(self) -> str:
        return "Bucket()"

    def draft(self, key: str) -> Draft:
        """Begin an object; see `Objects.draft`."""
        require_key(key)
        try:
            file = tempfile.TemporaryFile()  # noqa: SIM115 - the draft closes it
        except OSError as error:
            raise in_words(error) from error

        def store() -> None:
            file.seek(0)
            with _asking(key):
                obstore.put(
                    self._store, key, file, chunk_size=_CHUNK, max_concurrency=_CHUNKS_AT_ONCE
                )

        return Draft(file, store, file.close)

    def open(self, key: str) -> IO[bytes]:
        """Open an object; see `Objects.open`."""
        reader = _Remote(self._store, require_key(key), self.size(key))
        return io.BufferedReader(reader, _READ_AHEAD)

    def size(self, key: str) -> int:
        """Return the bytes of an object; see `Objects.size`."""
        with _asking(key):
            return int(obstore.head(self._store, require_key(key))["size"])

    def delete(self, key: str) -> None:
        """Delete an object; see `Objects.delete`."""
        try:
            with _asking(key):
                obstore.delete(self._store, require_key(key))
        except ObjectMissingError:
            return  # some stores say so, others don't

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the keys below a prefix; see `Objects.list`."""
        below = require_key(prefix) if prefix else None
        with _asking(prefix):
            found = [one["path"] for page in obstore.list(self._store, below) for one in page]
        yield from sorted(found)

    def forget_drafts(self, older_than: float) -> None:
        """Do nothing: drafts have no name, and vanish with the process that writes them."""


class _Remote(Ranged):
    """An object that is read by ranges."""

    def __init__(self, store: S3Store, key: str, size: int) -> None:
        super().__init__(size)
        self._store = store
        self._key = key

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        length = min(len(buffer), self._size - self._at)
        if length <= 0:
            return 0
        with _asking(self._key):
            found = obstore.get_range(self._store, self._key, start=self._at, length=length)
        buffer[: len(found)] = memoryview(found)
        self._at += len(found)
        return len(found)


@contextmanager
def _asking(key: str) -> Iterator[None]:
    """Turn the library's errors into ours."""
    try:
        yield
    except FileNotFoundError:
        raise ObjectMissingError(key) from None
    except BaseError as error:
        raise in_words(error) from error
