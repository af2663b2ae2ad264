"""Disclosures in each state behind the addresses, and what parties can send about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from linkage.protocol.disclosure.history import Case
from linkage.protocol.disclosure.messages import (
    Approval,
    Asked,
    Proposal,
    digest_of,
    sign_message,
)
from linkage.protocol.disclosure.protection import ProtectedRecords, sign_protected
from linkage.protocol.disclosure.release import seal_release, sealing_context
from linkage.protocol.disclosure.replies import EvidenceRequest
from linkage.protocol.keys import Identity
from linkage.protocol.sealing import seal
from matcher.disclosures.service import Disclosures
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST, HUB
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE
from tests.matcher.disclosures.worlds import DAY, case_in


@dataclass(frozen=True)
class Telling:
    """What parties sign about disclosures of a matcher's newest run."""

    disclosures: Disclosures
    clock: Callable[[], datetime]

    @property
    def now(self) -> int:
        return int(self.clock().timestamp())

    def cluster(self) -> str:
        """Return a cluster that every agency holds."""
        found = self.disclosures.clusters(AGREEMENT, None).clusters
        return next(own.cluster for own in found if "several" in own.rules)

    def proposal(self, own: Identity, reference: str = "MACE 12") -> bytes:
        cluster = self.cluster()
        asked = EvidenceRequest((cluster,))
        evidence = self.disclosures.evidence(AGREEMENT, own.name, asked)
        made = Proposal(
            agreement=AGREEMENT.digest(),
            epoch=1,
            evidence=digest_of(evidence),
            clusters=(Asked(cluster, "several"),),
            fields=("surname",),
            recipients=("hub",),
            purpose="safeguarding",
            lawful_basis="A law.",
            reference=reference,
            necessity="Seen together with others at risk.",
            proposed=self.now,
            expires=self.now + 14 * DAY,
        )
        return sign_message(made, own)

    def approval(self, id_: str, own: Identity) -> bytes:
        return sign_message(Approval(id_, self.now), own)

    def sealed(self, id_: str, own: Identity) -> bytes:
        case = self.case(id_)
        return seal(HUB.public, sealing_context(case), b"{}", own)

    def marks(self, own: Identity) -> bytes:
        records = ProtectedRecords(AGREEMENT.digest(), 1, self.now, ("0" * 32,))
        return sign_protected(records, own)

    def case(self, id_: str) -> Case:
        return case_in(AGREEMENT, self.disclosures.file(AGREEMENT, MATCHER.name, id_))

    def proposed(self, reference: str) -> str:
        content = self.proposal(ANALYST, reference)
        return self.disclosures.propose(AGREEMENT, ANALYST.name, content).id

    def approve(self, id_: str) -> None:
        for own in (POLICE, CARE):
            self._enter(id_, own, self.approval(id_, own))

    def release(self, id_: str, own: Identity) -> None:
        told = self.disclosures.holdings(AGREEMENT, own.name, id_)
        fields = {name: [{"surname": "A"}] * len(one.tokens) for name, one in told.clusters.items()}
        release, sealed = seal_release(self.case(id_), own, fields, self.now)
        for recipient, content in sealed.items():
            self.disclosures.put_sealed(AGREEMENT, own.name, id_, recipient, content)
        self._enter(id_, own, sign_message(release, own))

    def _enter(self, id_: str, own: Identity, content: bytes) -> None:
        self.disclosures.enter(AGREEMENT, own.name, id_, content, in_force=True)


def prepared_disclosures(disclosures: Disclosures, clock: Callable[[], datetime]) -> dict[str, str]:
    """Lead a disclosure to where each operation can be done; return them by what they are for."""
    telling = Telling(disclosures, clock)
    found = {name: telling.proposed(name) for name in ("to move", "to release", "to open")}
    for name in ("to release", "to open"):
        telling.approve(found[name])
    for own in (POLICE, CARE, HEALTH):
        telling.release(found["to open"], own)
    return found
