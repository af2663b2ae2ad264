"""What a matcher can be asked about the disclosures of one agreement, as calls.

What comes back is as the matcher has it, and is verified where it is used.
"""

from __future__ import annotations

from pydantic import TypeAdapter

from agency_client.matcher_api.connection import Connection
from linkage.protocol.canonical import canonical_json
from linkage.protocol.disclosure.replies import (
    ClusterPage,
    DisclosureEntry,
    DisclosureFile,
    DisclosureList,
    EvidenceRequest,
    Revelation,
)
from linkage.protocol.replies import parse_reply
from linkage.protocol.settings import settings

PAGE_EVENTS = 1000
"""How many events are asked for at once: even the longest fit into one answer."""
_PAGE = TypeAdapter(ClusterPage)
_ENTRY = TypeAdapter(DisclosureEntry)
_LIST = TypeAdapter(DisclosureList)
_FILE = TypeAdapter(DisclosureFile)
_REVELATION = TypeAdapter(Revelation)


class DisclosuresApi:
    """The endpoints under one agreement's digest; disclosures go by their proposal's digest."""

    def __init__(self, connection: Connection, agreement: str) -> None:
        self.connection = connection
        self._place = f"/v1/agreements/{agreement}"

    def clusters(self, after: str | None = None) -> ClusterPage:
        """Return a page of the clusters that may be proposed, those after a pseudonym."""
        query = "" if after is None else f"?after={after}"
        content = self._ask("GET", f"/clusters{query}")
        return parse_reply(_PAGE, content, "The list of clusters")

    def evidence(self, request: EvidenceRequest) -> bytes:
        """Return the matcher's signed evidence on some clusters of its newest run."""
        return self._ask("POST", "/evidence", canonical_json(settings(request)))

    def propose(self, proposal: bytes) -> DisclosureEntry:
        """Hand in a signed proposal."""
        return self._entry(self._ask("POST", "/disclosures", proposal))

    def listed(self) -> DisclosureList:
        """Return the disclosures that the caller has a part in."""
        return parse_reply(_LIST, self._ask("GET", "/disclosures"), "The list of disclosures")

    def file(self, digest: str) -> DisclosureFile:
        """Return all that there is of a disclosure."""
        return parse_reply(_FILE, self._ask("GET", f"/disclosures/{digest}"), "The disclosure")

    def move(self, digest: str, message: bytes) -> DisclosureEntry:
        """Hand in a signed message that moves a disclosure."""
        return self._entry(self._ask("POST", f"/disclosures/{digest}/messages", message))

    def holdings(self, digest: str) -> Revelation:
        """Return which of the caller's own records are meant; not before the quorum."""
        content = self._ask("GET", f"/disclosures/{digest}/holdings")
        return parse_reply(_REVELATION, content, "The list of your records")

    def deposit(self, digest: str, recipient: str, sealed: bytes) -> None:
        """Hand in what is sealed to a recipient, before the release that names it."""
        self._ask("PUT", f"/disclosures/{digest}/sealed/{recipient}", sealed)

    def sealed(self, digest: str, holder: str) -> bytes:
        """Return what a holder has sealed to the caller."""
        return self._ask("GET", f"/disclosures/{digest}/sealed/{holder}")

    def protect(self, marks: bytes) -> None:
        """Hand in the signed marks of the caller's protected records."""
        self._ask("PUT", "/protected", marks)

    def events(self, start: int, end: int) -> list[bytes]:
        """Return the log's events from one number, from 0, up to another; pages are short."""
        content = self.connection.send("GET", f"/v1/log/events?start={start}&end={end}").content
        return content.split(b"\n")[:-1]

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        return self.connection.send(method, self._place + path, body).content

    @staticmethod
    def _entry(content: bytes) -> DisclosureEntry:
        return parse_reply(_ENTRY, content, "The matcher's answer")
