"""What a matcher can be asked about payload and cohorts under one agreement, as calls.

What comes back is as the matcher has it, and is verified where it is used.
"""

from __future__ import annotations

import tempfile

from pydantic import TypeAdapter

from agency_client.matcher_api.connection import Connection
from linkage.errors import MissingError
from linkage.protocol.canonical import canonical_json, encode_base64
from linkage.protocol.cohort.replies import (
    CohortEntry,
    CohortFile,
    CohortList,
    PayloadCommit,
    PayloadState,
)
from linkage.protocol.replies import parse_reply
from linkage.protocol.settings import settings

_STATE = TypeAdapter(PayloadState)
_ENTRY = TypeAdapter(CohortEntry)
_LIST = TypeAdapter(CohortList)
_FILE = TypeAdapter(CohortFile)


class CohortsApi:
    """The endpoints under one agreement's digest."""

    def __init__(self, connection: Connection, agreement: str) -> None:
        self.connection = connection
        self._place = f"/v1/agreements/{agreement}"

    def payload(self, round_number: int, analyst: str) -> PayloadState:
        """Return how far the caller's payload for an analyst has come; it may not have begun."""
        try:
            content = self._ask("GET", self._payload(round_number, analyst))
        except MissingError:
            return PayloadState("open", {})
        return parse_reply(_STATE, content, "The payload's state")

    def put_piece(self, round_number: int, analyst: str, number: int, piece: bytes) -> None:
        """Hand in a sealed piece."""
        self._ask("PUT", f"{self._payload(round_number, analyst)}/pieces/{number}", piece)

    def commit(self, round_number: int, analyst: str, commit: bytes) -> bytes:
        """Commit a payload; return the receipt."""
        return self._ask("POST", f"{self._payload(round_number, analyst)}/commit", commit)

    def request(self, request: bytes) -> CohortEntry:
        """Hand in a signed request for a cohort; the same request again gives the same cohort."""
        return parse_reply(_ENTRY, self._ask("POST", "/cohorts", request), "The matcher's answer")

    def listed(self) -> CohortList:
        """Return the cohorts that the caller may know of."""
        return parse_reply(_LIST, self._ask("GET", "/cohorts"), "The list of cohorts")

    def file(self, cohort: str) -> CohortFile:
        """Return all that there is of a cohort beside its map and its payload."""
        content = self._large(f"/cohorts/{cohort}")
        return parse_reply(_FILE, content, "The cohort")

    def map(self, cohort: str) -> bytes:
        """Return a cohort's map, of any size."""
        return self._large(f"/cohorts/{cohort}/map")

    def piece(self, cohort: str, agency: str, number: int) -> bytes:
        """Return a sealed piece of an agency's payload."""
        return self._ask("GET", f"/cohorts/{cohort}/payload/{agency}/{number}")

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        return self.connection.send(method, self._place + path, body).content

    def _large(self, path: str) -> bytes:
        with tempfile.TemporaryFile() as sink:
            self.connection.send("GET", self._place + path, sink=sink)
            sink.seek(0)
            return sink.read()

    @staticmethod
    def _payload(round_number: int, analyst: str) -> str:
        return f"/rounds/{round_number}/payload/{analyst}"


def commit_bytes(manifest: bytes, blinding: bytes) -> bytes:
    """Return what commits a payload: the signed manifest, and the key beside it."""
    return canonical_json(settings(PayloadCommit(encode_base64(manifest), blinding.hex())))
