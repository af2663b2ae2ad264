"""Endpoints about agreements: which there are, what they say, and the signatures under them."""

from __future__ import annotations

from fastapi import Response

from linkage.protocol.replies import AgreementList, SignatureList
from linkage.protocol.signing import Envelope
from linkage.protocol.standing import State
from matcher.agreements.admission import Admission
from matcher.agreements.catalogue import Catalogue
from matcher.api.access import ANY_PARTY, ROLES, allow
from matcher.api.gate import BodyRule, SignedCall, require_own
from matcher.api.routes import PartyName, Raw, Routes

MOST_BYTES = 1 << 20
"""How long a signature may be: it holds the whole agreement."""

_SIGNATURE = Raw("application/json", "The signature, as that party has made it.", Envelope)
_CONTENT = Raw("application/json", "The agreement's canonical JSON, which is what is signed.")
_SIGNABLE: tuple[State, ...] = ("unsigned", "not yet", "in force")


def agreement_routes(catalogue: Catalogue, admission: Admission) -> Routes:
    """Return the endpoints."""
    routes = Routes("agreements")

    @routes.get("/agreements", ANY_PARTY, answer=AgreementList)
    def list_agreements(call: SignedCall) -> AgreementList:
        """List the agreements of which you are a party."""
        return AgreementList(catalogue.of_key(call.key))

    @routes.get("/agreements/{digest}", ANY_PARTY, answer=_CONTENT)
    def read_agreement(call: SignedCall) -> Response:
        """Read an agreement: the bytes whose SHA-256 is its digest."""
        return _CONTENT.response(call.place.agreement.content())

    @routes.get("/agreements/{digest}/signatures", ANY_PARTY, answer=SignatureList)
    def list_signatures(call: SignedCall) -> SignatureList:
        """Say who has signed an agreement, who hasn't, and how it stands today."""
        found = catalogue.standing(call.place.digest)
        return SignatureList(found.signed, found.missing, found.state)

    @routes.get("/agreements/{digest}/signatures/{party}", ANY_PARTY, answer=_SIGNATURE)
    def read_signature(call: SignedCall, party: PartyName) -> Response:
        """Read a party's signature under an agreement."""
        return _SIGNATURE.response(catalogue.signature(call.place.digest, party))

    @routes.put(
        "/agreements/{digest}/signatures/{party}",
        allow(*ROLES, states=_SIGNABLE),
        body=BodyRule(MOST_BYTES, message=Envelope),
    )
    def sign_agreement(call: SignedCall, party: PartyName) -> None:
        """Hand in your own signature under an agreement."""
        require_own(call, party)
        admission.sign(call.place.agreement, party, call.body)

    return routes
