"""Endpoints about agreements: which there are, what they say, and the signatures under them."""

from __future__ import annotations

from linkage.protocol.replies import AgreementList
from matcher.agreements.catalogue import Catalogue
from matcher.api.access import ANY_PARTY
from matcher.api.gate import SignedCall
from matcher.api.routes import Routes


def agreement_routes(catalogue: Catalogue) -> Routes:
    """Return the endpoints."""
    routes = Routes("agreements")

    @routes.get("/agreements", ANY_PARTY, answer=AgreementList)
    def list_agreements(call: SignedCall) -> AgreementList:
        """List the agreements of which you are a party."""
        return AgreementList(catalogue.of_key(call.key))

    return routes
