"""Sending a file: announce, send what is missing, commit; and again from there after any break."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import TypeAdapter

from agency_client.uploads.file import SendableFile
from agency_client.uploads.matcher import Matcher
from linkage.errors import InputError, UnavailableError, VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.keys import Identity
from linkage.protocol.replies import parse_reply
from linkage.protocol.upload import (
    Announcement,
    Manifest,
    UploadState,
    announcement_bytes,
    part_count,
    part_length,
    sign_manifest,
)

MOST_BREAKS = 8
"""How often in a row it goes on after a break without a single part having got through."""
_LONGEST_PAUSE = 60.0
MOST_WAITS = 120
"""How often it asks again, all being sent, while the matcher can't commit it: for half an hour."""
_LONGEST_WAIT = 15.0
_STATE = TypeAdapter(UploadState)


@dataclass(frozen=True)
class Watcher:
    """Who hears how far it is: ``sent`` of bytes that need no more sending, ``broke`` of breaks.

    ``pause`` waits that many seconds.
    """

    sent: Callable[[int], None]
    broke: Callable[[str, float], None]
    pause: Callable[[float], None]


@dataclass(frozen=True)
class Committed:
    """A file that the matcher has committed: the upload's id, and the receipt, not verified yet."""

    upload: str
    receipt: bytes


class Push:
    """One file on its way to one round of one agreement."""

    def __init__(
        self,
        matcher: Matcher,
        agreement: Agreement,
        own: Identity,
        file: SendableFile,
        round_number: int,
        watcher: Watcher,
    ) -> None:
        self._matcher = matcher
        self._agreement = agreement
        self._own = own
        self._file = file
        self._round = round_number
        self._watcher = watcher
        self._parts: dict[int, str] = {}
        self._there: set[int] = set()
        self._breaks = 0
        self._waits = 0
        self._is_sent = False

    def run(self) -> Committed:
        """Send the file until it is committed.

        Raises what the matcher refuses it for, `UnavailableError` after too many breaks or when it
        isn't committed for too long, and `InputError` where the file changes meanwhile.
        """
        while True:
            try:
                return self._once()
            except UnavailableError as error:
                seconds = self._pause()
                if seconds is None:
                    raise
                self._watcher.broke(str(error), seconds)
                self._watcher.pause(seconds)

    def _pause(self) -> float | None:
        """Count a try that has failed; return for how long to pause, None if it was the last.

        A file that is there may have to wait until others are verified, and its own takes a while.
        """
        if self._is_sent:
            self._waits += 1
            return min(2.0**self._waits, _LONGEST_WAIT) if self._waits <= MOST_WAITS else None
        self._breaks += 1
        return min(2.0**self._breaks, _LONGEST_PAUSE) if self._breaks <= MOST_BREAKS else None

    def _once(self) -> Committed:
        self._is_sent = False
        state = self._announce()
        if state.state == "open":
            self._send_missing(state)
        manifest = sign_manifest(self._manifest(state), self._own)
        self._is_sent = True
        path = f"{self._path}/uploads/{state.id}/commit"
        return Committed(state.id, self._matcher.ask("POST", path, manifest))

    @property
    def _path(self) -> str:
        return f"/agreements/{self._agreement.digest()}"

    def _announce(self) -> UploadState:
        body = announcement_bytes(Announcement(self._file.sha256, self._file.size))
        path = f"{self._path}/rounds/{self._round}/uploads"
        state = parse_reply(_STATE, self._matcher.ask("POST", path, body), "The matcher's answer")
        said = (state.sha256, state.size, state.round)
        if said != (self._file.sha256, self._file.size, self._round):
            raise VerificationError(
                "The matcher answers with another upload than the one announced; ask its operator."
            )
        return state

    def _send_missing(self, state: UploadState) -> None:
        missing = set(state.missing)
        for number in range(part_count(state.size, state.part_size)):
            if number in missing:
                part = self._read(state, number)
                place = f"{self._path}/uploads/{state.id}/parts/{number}"
                self._matcher.ask("PUT", place, part)
                self._breaks = 0
            if number not in self._there:
                self._there.add(number)
                self._watcher.sent(part_length(state.size, state.part_size, number))
        try:
            self._file.require_unchanged()
        except InputError:
            self._matcher.ask("DELETE", f"{self._path}/uploads/{state.id}")
            raise

    def _read(self, state: UploadState, number: int) -> bytes:
        start = number * state.part_size
        part = self._file.part(start, part_length(state.size, state.part_size, number))
        self._parts[number] = hashlib.sha256(part).hexdigest()
        return part

    def _manifest(self, state: UploadState) -> Manifest:
        count = part_count(state.size, state.part_size)
        for number in range(count):
            if number not in self._parts:
                self._read(state, number)
        return Manifest(
            agreement=self._agreement.digest(),
            epoch=self._agreement.agreement.epoch,
            round=self._round,
            upload=state.id,
            sha256=self._file.sha256,
            size=self._file.size,
            part_size=state.part_size,
            parts=tuple(self._parts[number] for number in range(count)),
            rows=self._file.rows,
            encodings=self._file.encodings,
            leakage=self._file.leakage,
        )
