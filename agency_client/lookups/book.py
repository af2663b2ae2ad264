"""The lookups at a matcher. What is read is verified here before anybody sees it."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from agency_client.matcher_api.connection import Connection
from linkage.errors import InputError, MissingError, UnavailableError, VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import canonical_json, decode_base64, encode_base64
from linkage.protocol.lookups.messages import Request, digest_of, verify_request
from linkage.protocol.lookups.replies import LookupEntry, LookupFile, LookupList, parse_matches
from linkage.protocol.lookups.rules import require_allowed
from linkage.protocol.replies import parse_reply

LEAST_DIGITS = 8
_ENTRY = TypeAdapter(LookupEntry)
_LIST = TypeAdapter(LookupList)
_FILE = TypeAdapter(LookupFile)


@dataclass(frozen=True)
class ReadLookup:
    """A lookup as its signed request tells it, and what the matcher says beside.

    ``matches`` are tokens, in hex, of this agency's records that may be the person.
    """

    id: str
    asker: str
    signed: bytes
    request: Request
    file: LookupFile
    matches: tuple[str, ...]


class LookupBook:
    """Reads, lodges and answers lookups under one agreement."""

    def __init__(self, connection: Connection, agreement: Agreement) -> None:
        self.connection = connection
        self.agreement = agreement
        self._path = f"/v1/agreements/{agreement.digest()}/lookups"

    def lodge(self, request: bytes, encoding: bytes) -> LookupEntry:
        """Ask: hand in the signed request with the encoding that it names."""
        body = {"request": encode_base64(request), "encoding": encode_base64(encoding)}
        content = self._post(self._path, canonical_json(body))
        entry = parse_reply(_ENTRY, content, "The reply")
        if entry.id != digest_of(request):
            raise VerificationError("The matcher has lodged another request than was sent.")
        return entry

    def all(self) -> tuple[LookupEntry, ...]:
        """Return others' open lookups and one's own, the newest first."""
        content = self.connection.send("GET", self._path).content
        return parse_reply(_LIST, content, "The list of lookups").lookups

    def find(self, start: str) -> str:
        """Return the id that begins with ``start``; raises `MissingError`, `InputError`."""
        if len(start) == 64:
            return start
        if len(start) < LEAST_DIGITS:
            raise InputError(f"Give at least {LEAST_DIGITS} digits of the lookup's id.")
        found = [entry.id for entry in self.all() if entry.id.startswith(start)]
        if len(found) != 1:
            raise MissingError(
                f"{len(found) or 'No'} lookups begin with {start!r}; see 'lookup list'."
            )
        return found[0]

    def read(self, lookup: str) -> ReadLookup:
        """Return a lookup, whose request is verified and allowed by the agreement."""
        content = self.connection.send("GET", f"{self._path}/{lookup}").content
        file = parse_reply(_FILE, content, "The lookup")
        signed = decode_base64(file.request, "The request")
        if digest_of(signed) != lookup:
            raise VerificationError("The matcher shows another request than was asked for.")
        asker, request = verify_request(signed, "The request", self.agreement)
        require_allowed(self.agreement, asker, request)
        return ReadLookup(lookup, asker, signed, request, file, tuple(parse_matches(file.matches)))

    def answer(self, lookup: str, content: bytes) -> LookupEntry:
        """Hand in a signed answer."""
        found = self._post(f"{self._path}/{lookup}/answers", content)
        return parse_reply(_ENTRY, found, "The reply")

    def _post(self, path: str, body: bytes) -> bytes:
        """Send a body, and once more if nobody knows whether it arrived: twice is like once."""
        try:
            return self.connection.send("POST", path, body).content
        except UnavailableError:
            return self.connection.send("POST", path, body).content
