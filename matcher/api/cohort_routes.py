"""Endpoints of payload and cohorts: what agencies seal to analysts, and what analysts pull."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Response
from pydantic import TypeAdapter

from linkage.protocol.cohort.messages import MOST_PIECES
from linkage.protocol.cohort.payload import MOST_SEALED
from linkage.protocol.cohort.replies import (
    CohortEntry,
    CohortFile,
    CohortList,
    PayloadCommit,
    PayloadState,
)
from linkage.protocol.replies import parse_reply
from linkage.protocol.signing import Envelope
from linkage.protocol.upload import Receipt
from matcher.api.access import ONCE_IN_FORCE, allow
from matcher.api.gate import BodyRule, SignedCall
from matcher.api.routes import PartyName, Raw, RoundNumber, Routes
from matcher.cohorts.sending import Payloads
from matcher.cohorts.service import Cohorts

_PAYLOAD = "/agreements/{digest}/rounds/{number}/payload/{party}"
_COHORTS = "/agreements/{digest}/cohorts"
_ONE = _COHORTS + "/{cohort}"
_ANALYSTS = allow("analyst")
_PIECE = BodyRule(MOST_SEALED, "application/octet-stream")
# A manifest names up to 1,024 pieces by digests of 64 digits, in base64 of base64.
_COMMIT = BodyRule(1 << 18, message=PayloadCommit)
_REQUEST = BodyRule(1 << 14, message=Envelope)
_RECEIPT = Raw("application/json", "The receipt: that the log holds the manifest.", Receipt)
_MAP = Raw("application/octet-stream", "The map, as its digest says.")
_SEALED = Raw("application/octet-stream", "A piece of the payload, sealed to you.")
_COMMITS = TypeAdapter(PayloadCommit)

PieceNumber = Annotated[int, Path(ge=0, lt=MOST_PIECES, description="The piece, from 0.")]
CohortId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The cohort's id.")]


def cohort_routes(payloads: Payloads, cohorts: Cohorts) -> Routes:
    """Return the endpoints."""
    routes = Routes("cohorts")
    _declare_payload(routes, payloads)
    _declare_cohorts(routes, cohorts)
    _declare_content(routes, cohorts)
    return routes


def _declare_payload(routes: Routes, payloads: Payloads) -> None:
    @routes.put(_PAYLOAD + "/pieces/{piece}", allow("agency"), body=_PIECE)
    def put_piece(
        call: SignedCall, number: RoundNumber, party: PartyName, piece: PieceNumber
    ) -> None:
        """Store a piece of the payload that you seal to an analyst, the party."""
        place = call.place
        payloads.put(place.agreement, place.party, (number, party, piece), call.body)

    @routes.post(_PAYLOAD + "/commit", allow("agency"), body=_COMMIT, answer=_RECEIPT)
    def commit_payload(call: SignedCall, number: RoundNumber, party: PartyName) -> Response:
        """Commit a payload by its signed manifest; again, the answer is the same receipt."""
        place = call.place
        sent = parse_reply(_COMMITS, call.body, "The request")
        return _RECEIPT.response(payloads.commit(place.agreement, place.party, number, party, sent))

    @routes.get(_PAYLOAD, allow("agency", states=ONCE_IN_FORCE), answer=PayloadState)
    def read_payload(call: SignedCall, number: RoundNumber, party: PartyName) -> PayloadState:
        """Tell how far your own payload for an analyst, the party, has come."""
        return payloads.state(call.place.digest, call.place.party, number, party)


def _declare_cohorts(routes: Routes, cohorts: Cohorts) -> None:
    @routes.post(_COHORTS, _ANALYSTS, body=_REQUEST, answer=CohortEntry)
    def pull_cohort(call: SignedCall) -> CohortEntry:
        """Pull a cohort of the newest run by your signed request; again, it is the same cohort."""
        return cohorts.pull(call.place.agreement, call.place.party, call.body)

    @routes.get(_COHORTS, allow("analyst", "dpo", states=ONCE_IN_FORCE), answer=CohortList)
    def list_cohorts(call: SignedCall) -> CohortList:
        """List your own cohorts, or, to audit them, who has pulled which, and why."""
        return cohorts.visible(call.place.agreement, call.place.party)

    @routes.get(_ONE, _ANALYSTS, answer=CohortFile)
    def read_cohort(call: SignedCall, cohort: CohortId) -> CohortFile:
        """Read what a cohort of your own is, with the proof that the log has it."""
        return cohorts.file(call.place.agreement, call.place.party, cohort)


def _declare_content(routes: Routes, cohorts: Cohorts) -> None:
    @routes.get(_ONE + "/map", _ANALYSTS, answer=_MAP)
    def read_map(call: SignedCall, cohort: CohortId) -> Response:
        """Fetch the map of a cohort of your own."""
        place = call.place
        return _MAP.response(cohorts.people_map(place.agreement, place.party, cohort))

    @routes.get(_ONE + "/payload/{party}/{piece}", _ANALYSTS, answer=_SEALED)
    def read_piece(
        call: SignedCall, cohort: CohortId, party: PartyName, piece: PieceNumber
    ) -> Response:
        """Fetch a piece of what an agency, the party, has sealed to you for a cohort."""
        place = call.place
        content = cohorts.piece(place.agreement, place.party, cohort, party, piece)
        return _SEALED.response(content)
