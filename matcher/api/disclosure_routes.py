"""Endpoints of disclosures: clusters to choose from, proposals, decisions, and what is sealed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Path, Query, Response
from pydantic import TypeAdapter

from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import parse_message
from linkage.protocol.disclosure.replies import (
    ClusterPage,
    DisclosureEntry,
    DisclosureFile,
    DisclosureList,
    EvidenceRequest,
    Revelation,
)
from linkage.protocol.signing import Envelope
from matcher.api.access import ONCE_IN_FORCE, allow
from matcher.api.gate import BodyRule, SignedCall
from matcher.api.routes import PartyName, Raw, Routes
from matcher.disclosures.sealed import MOST_BYTES
from matcher.disclosures.service import Disclosures

_PATH = "/agreements/{digest}/disclosures"
_ONE = _PATH + "/{proposal}"
_PROPOSERS = allow("agency", "analyst", "recipient")
_READERS = allow("agency", "analyst", "recipient", "dpo", "matcher", states=ONCE_IN_FORCE)
# A data protection officer may be an approver; a recall and its answer outlast the agreement.
_MOVERS = allow("agency", "analyst", "recipient", "dpo", states=ONCE_IN_FORCE)
# A proposal names up to 10,000 clusters, an agency marks up to 100,000 records; base64 in base64.
_REQUEST = BodyRule(1 << 19, message=EvidenceRequest)
_MESSAGE = BodyRule(4 << 20, message=Envelope)
_MARKS = BodyRule(6 << 20, message=Envelope)
_FIELDS = BodyRule(MOST_BYTES, "application/octet-stream")
_EVIDENCE = Raw("application/json", "The evidence, as the matcher has signed it.", Envelope)
_SEALED = Raw("application/octet-stream", "The fields, sealed to you.")
_REQUESTS = TypeAdapter(EvidenceRequest)

Proposal = Annotated[
    str, Path(pattern="^[0-9a-f]{64}$", description="The digest of the signed proposal.")
]
After = Annotated[
    str | None,
    Query(pattern="^[0-9a-f]{32}$", description="The last pseudonym of the page before."),
]


Resolve = Callable[[Agreement, str, EvidenceRequest], EvidenceRequest]
"""Gives a party's request by the run's pseudonyms, where it is by those of a cohort."""


def disclosure_routes(disclosures: Disclosures, resolve: Resolve) -> Routes:
    """Return the endpoints."""
    routes = Routes("disclosures")
    _declare_clusters(routes, disclosures, resolve)
    _declare_moves(routes, disclosures)
    _declare_reading(routes, disclosures)
    _declare_sealed(routes, disclosures)
    return routes


def _declare_clusters(routes: Routes, disclosures: Disclosures, resolve: Resolve) -> None:
    @routes.get("/agreements/{digest}/clusters", allow("analyst"), answer=ClusterPage)
    def list_clusters(call: SignedCall, after: After = None) -> ClusterPage:
        """List the clusters of the newest run that a rule lets be proposed, by pseudonym."""
        return disclosures.clusters(call.place.agreement, after)

    @routes.post("/agreements/{digest}/evidence", _PROPOSERS, body=_REQUEST, answer=_EVIDENCE)
    def give_evidence(call: SignedCall) -> Response:
        """Ask for the matcher's signed evidence on exactly the clusters of a proposal."""
        place = call.place
        sent = parse_message(_REQUESTS, call.body, "The request")
        asked = resolve(place.agreement, place.party, sent)
        return _EVIDENCE.response(disclosures.evidence(place.agreement, place.party, asked))

    @routes.put("/agreements/{digest}/protected", allow("agency"), body=_MARKS)
    def protect_records(call: SignedCall) -> None:
        """Mark your own records of protected people, in place of what you have marked before."""
        disclosures.protect(call.place.agreement, call.place.party, call.body)


def _declare_moves(routes: Routes, disclosures: Disclosures) -> None:
    @routes.post(_PATH, _PROPOSERS, body=_MESSAGE, answer=DisclosureEntry)
    def propose_disclosure(call: SignedCall) -> DisclosureEntry:
        """Propose a disclosure; again, the answer is the same."""
        return disclosures.propose(call.place.agreement, call.place.party, call.body)

    @routes.post(_ONE + "/messages", _MOVERS, body=_MESSAGE, answer=DisclosureEntry)
    def move_disclosure(call: SignedCall, proposal: Proposal) -> DisclosureEntry:
        """Approve, refuse, release, open, recall or give back, by your signed message."""
        place = call.place
        return disclosures.enter(
            place.agreement,
            place.party,
            proposal,
            call.body,
            in_force=place.state == "in force",
        )


def _declare_reading(routes: Routes, disclosures: Disclosures) -> None:
    @routes.get(_PATH, _READERS, answer=DisclosureList)
    def list_disclosures(call: SignedCall) -> DisclosureList:
        """List the disclosures in which you have a part, the newest first."""
        return DisclosureList(disclosures.all(call.place.agreement, call.place.party))

    @routes.get(_ONE, _READERS, answer=DisclosureFile)
    def read_disclosure(call: SignedCall, proposal: Proposal) -> DisclosureFile:
        """Read every message of a disclosure, with the proofs that the log has it."""
        return disclosures.file(call.place.agreement, call.place.party, proposal)

    @routes.get(_ONE + "/holdings", allow("agency"), answer=Revelation)
    def read_holdings(call: SignedCall, proposal: Proposal) -> Revelation:
        """Learn which of your own records are asked for, once the quorum is met."""
        return disclosures.holdings(call.place.agreement, call.place.party, proposal)


def _declare_sealed(routes: Routes, disclosures: Disclosures) -> None:
    @routes.put(_ONE + "/sealed/{party}", allow("agency"), body=_FIELDS)
    def send_sealed(call: SignedCall, proposal: Proposal, party: PartyName) -> None:
        """Send what you seal to a recipient, the party; it counts once your release names it."""
        place = call.place
        disclosures.put_sealed(place.agreement, place.party, proposal, party, call.body)

    @routes.get(_ONE + "/sealed/{party}", allow("agency", "recipient"), answer=_SEALED)
    def read_sealed(call: SignedCall, proposal: Proposal, party: PartyName) -> Response:
        """Fetch what a holder, the party, has sealed to you."""
        place = call.place
        content = disclosures.sealed(place.agreement, place.party, proposal, party)
        return _SEALED.response(content)
