"""Endpoints of lookups: asking about one person, and answering. Agencies alone may use them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import TypeAdapter

from linkage.protocol.canonical import decode_base64
from linkage.protocol.lookups.replies import LookupBody, LookupEntry, LookupFile, LookupList
from linkage.protocol.replies import parse_reply
from linkage.protocol.signing import Envelope
from matcher.api.access import ONCE_IN_FORCE, allow
from matcher.api.gate import BodyRule, SignedCall
from matcher.api.routes import Routes
from matcher.lookups.service import Lookups

_PATH = "/agreements/{digest}/lookups"
_AGENCIES = allow("agency")
_READERS = allow("agency", states=ONCE_IN_FORCE)
_BODY = TypeAdapter(LookupBody)
# More than a request with its encoding, or an answer, is long.
_MOST_REQUEST = 1 << 17
_MOST_ANSWER = 1 << 16
LookupId = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="The lookup.")]


def lookup_routes(lookups: Lookups) -> Routes:
    """Return the endpoints."""
    routes = Routes("lookups")

    @routes.post(
        _PATH, _AGENCIES, body=BodyRule(_MOST_REQUEST, message=LookupBody), answer=LookupEntry
    )
    def lodge_lookup(call: SignedCall) -> LookupEntry:
        """Ask the other agencies about one person; the reply is the same whoever is known."""
        sent = parse_reply(_BODY, call.body, "The body")
        request = decode_base64(sent.request, "The request")
        encoding = decode_base64(sent.encoding, "The encoding")
        return lookups.lodge(call.place.agreement, call.place.party, request, encoding)

    @routes.get(_PATH, _READERS, answer=LookupList)
    def list_lookups(call: SignedCall) -> LookupList:
        """List the open lookups of others, and all of your own."""
        return lookups.visible(call.place.agreement, call.place.party)

    @routes.get(_PATH + "/{lookup}", _READERS, answer=LookupFile)
    def read_lookup(call: SignedCall, lookup: LookupId) -> LookupFile:
        """Read a lookup: what is asked, and which records of yours may be meant."""
        return lookups.show(call.place.agreement, call.place.party, lookup)

    @routes.post(
        _PATH + "/{lookup}/answers",
        _AGENCIES,
        body=BodyRule(_MOST_ANSWER, message=Envelope),
        answer=LookupEntry,
    )
    def answer_lookup(call: SignedCall, lookup: LookupId) -> LookupEntry:
        """Answer another agency's lookup; until it is closed you may answer anew."""
        return lookups.answer(call.place.agreement, call.place.party, lookup, call.body)

    return routes
