"""A file of encodings that is to be sent: what it is, and whether it may be sent at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agency_client.leakage_files import summary_beside
from linkage.encodings import GroupLayout, Header, opened_encodings
from linkage.errors import InputError, PolicyError
from linkage.protocol.agreement import Agreement
from linkage.protocol.leakage import LeakageSummary

_CHUNK = 2**20


@dataclass(frozen=True)
class SendableFile:
    """A file: SHA-256 (hex) and bytes of the whole, rows and digest that close it.

    ``leakage`` is what is told of its leakage report, None where it was encoded without one.
    ``stamp`` changes when somebody writes the file.
    """

    path: Path
    sha256: str
    size: int
    rows: int
    encodings: str
    leakage: LeakageSummary | None
    stamp: tuple[int, int, int]

    def part(self, start: int, length: int) -> bytes:
        """Return so many bytes from ``start`` on; raises `InputError` if the file has changed."""
        with self.path.open("rb") as file:
            file.seek(start)
            found = file.read(length)
        if len(found) != length:
            raise self._changed()
        return found

    def require_unchanged(self) -> None:
        """Raise `InputError` if somebody has written the file since it was looked at."""
        if _stamp(self.path) != self.stamp:
            raise self._changed()

    def _changed(self) -> InputError:
        return InputError(f"{self.path} changed while it was sent; push it again.")


def look_at(
    path: Path, agreement: Agreement, agency: str, report: Callable[[int], None]
) -> SendableFile:
    """Return what has to be known of a file before it is sent.

    ``report`` is told how many more bytes were read. Raises `VerificationError` for what is no
    whole file of encodings, and where the leakage report beside it isn't the file's own,
    `PolicyError` for one of another agency or scheme.
    """
    stamp = _stamp(path)
    with path.open("rb") as file:
        with opened_encodings(file, str(path)) as reader:
            header, (rows, encodings) = reader.header, reader.closing()
        _require_own(header, path, agreement, agency)
        leakage = summary_beside(path, header.leakage)
        file.seek(0)
        digest, size = hashlib.sha256(), 0
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            report(len(chunk))
    return SendableFile(path, digest.hexdigest(), size, rows, encodings, leakage, stamp)


def _require_own(header: Header, path: Path, agreement: Agreement, agency: str) -> None:
    if header.agency != agency:
        raise PolicyError(
            f"{path} was encoded as {header.agency!r} and the keystore is that of {agency!r}; push "
            "your own file, or choose the keystore with --keystore."
        )
    layout = tuple(GroupLayout(group.name, group.length) for group in agreement.scheme.group)
    if header.scheme_digest != agreement.scheme.digest() or header.layout != layout:
        raise PolicyError(
            f"{path} was encoded under another scheme ({header.scheme_digest[:12]}…) than the "
            f"agreement's ({agreement.scheme.digest()[:12]}…); encode the extract again with this "
            "agreement."
        )


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
