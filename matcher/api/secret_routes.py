"""Endpoints by which an epoch's secret reaches every agency, sealed."""

from __future__ import annotations

from fastapi import Response

from linkage.protocol.signing import Envelope
from matcher.agreements.secrets import SecretMessages
from matcher.api.access import allow
from matcher.api.gate import BodyRule, SignedCall
from matcher.api.routes import PartyName, Raw, Routes

MOST_BYTES = 1 << 14
"""More than any commitment, and any sealed secret, is long."""
_COMMITMENT = Raw(
    "application/json", "The commitment, as the agency that drew it has signed it.", Envelope
)
_SEALED = Raw("application/octet-stream", "The secret, sealed to you.")


def secret_routes(secrets: SecretMessages) -> Routes:
    """Return the endpoints."""
    routes = Routes("secret")
    agencies = allow("agency")

    @routes.put(
        "/agreements/{digest}/secret/commitment",
        agencies,
        body=BodyRule(MOST_BYTES, message=Envelope),
    )
    def commit_secret(call: SignedCall) -> None:
        """Commit yourself to the epoch's secret, for every agency to see; the first one stays."""
        secrets.commit(call.place.agreement, call.place.party, call.body)

    @routes.get("/agreements/{digest}/secret/commitment", agencies, answer=_COMMITMENT)
    def read_commitment(call: SignedCall) -> Response:
        """Read the commitment to the epoch's secret."""
        return _COMMITMENT.response(secrets.commitment(call.place.agreement))

    @routes.put(
        "/agreements/{digest}/secret/envelopes/{recipient}",
        agencies,
        body=BodyRule(MOST_BYTES, "application/octet-stream"),
    )
    def send_secret(call: SignedCall, recipient: PartyName) -> None:
        """Send the secret that you have committed to, sealed to one other agency."""
        secrets.deliver(call.place.agreement, call.place.party, recipient, call.body)

    @routes.get("/agreements/{digest}/secret/envelope", agencies, answer=_SEALED)
    def read_envelope(call: SignedCall) -> Response:
        """Fetch the secret that was sealed to you."""
        return _SEALED.response(secrets.sealed_for(call.place.agreement, call.place.party))

    return routes
