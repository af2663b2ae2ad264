"""Endpoints about rounds: which are open, how a handshake stands, and an agency's answers."""

from __future__ import annotations

from linkage.protocol.replies import RoundList, RoundState
from linkage.protocol.signing import Envelope
from matcher.agreements.rounds import Rounds
from matcher.api.access import ONCE_IN_FORCE, allow
from matcher.api.gate import BodyRule, SignedCall
from matcher.api.routes import RoundNumber, Routes

MOST_BYTES = 1 << 15
"""More than any answers are long."""


def round_routes(rounds: Rounds) -> Routes:
    """Return the endpoints."""
    routes = Routes("rounds")
    readers = allow("agency", "matcher", "dpo", states=ONCE_IN_FORCE)

    @routes.get("/agreements/{digest}/rounds", readers, answer=RoundList)
    def list_rounds(call: SignedCall) -> RoundList:
        """List the rounds that are open."""
        return RoundList(rounds.opened(call.place.agreement))

    @routes.get("/agreements/{digest}/rounds/{number}", readers, answer=RoundState)
    def read_round(call: SignedCall, number: RoundNumber) -> RoundState:
        """Say how the known-answer handshake of a round stands."""
        return rounds.state(call.place.agreement, number)

    @routes.put(
        "/agreements/{digest}/rounds/{number}/answers",
        allow("agency"),
        body=BodyRule(MOST_BYTES, message=Envelope),
        answer=RoundState,
    )
    def answer_round(call: SignedCall, number: RoundNumber) -> RoundState:
        """Hand in your answers; the round opens when all agencies' are alike."""
        return rounds.answer(call.place.agreement, call.place.party, number, call.body)

    return routes
