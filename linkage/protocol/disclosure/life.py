"""The life of a disclosure: where it stands, who may move it, and what no one may do.

A `Life` is never changed: each move returns the next, or raises. The same moves in the same order
always lead to the same life, so that whoever has the messages can check where it stands.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Literal

from linkage.errors import NotReadyError, PolicyError

State = Literal[
    "proposed", "approved", "released", "opened", "refused", "expired", "superseded", "recalled"
]
ENDED: frozenset[State] = frozenset({"refused", "expired", "superseded"})
"""Nothing is disclosed any more, and nothing was."""


@dataclass(frozen=True)
class Terms:
    """What is fixed when it is proposed.

    ``quorum`` of ``approvers`` must agree before ``expires`` (POSIX seconds). The proposer's own
    approval doesn't count, so that nobody decides alone on what they ask for.
    """

    proposer: str
    approvers: frozenset[str]
    quorum: int
    holders: frozenset[str]
    recipients: frozenset[str]
    expires: int

    @property
    def voters(self) -> frozenset[str]:
        """Whose approval counts."""
        return self.approvers - {self.proposer}


@dataclass(frozen=True)
class Life:
    """Where a disclosure stands, and who has done what.

    There may be several ``recalls``, each with recipients who have ``returned``: who and which, by
    its number from 0.
    """

    terms: Terms
    state: State = "proposed"
    approved: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    released: frozenset[str] = frozenset()
    opened: frozenset[str] = frozenset()
    recalls: int = 0
    returned: frozenset[tuple[str, int]] = frozenset()

    def approve(self, party: str, at: int) -> Life:
        """Count an approver's consent; with the quorum it is approved."""
        self._require_vote(party, at)
        if self.state == "approved":
            raise PolicyError("It is approved already, and needs no more approvals.")
        approved = self.approved | {party}
        state: State = "approved" if len(approved) >= self.terms.quorum else "proposed"
        return replace(self, approved=approved, state=state)

    def refuse(self, party: str, at: int) -> Life:
        """Count an approver's refusal; it is refused once the quorum can't be met any more.

        Also after the quorum a refusal is kept, and changes nothing: the others have decided.
        """
        self._require_vote(party, at)
        refused = self.refused | {party}
        left = len(self.terms.voters - refused)
        lost = self.state == "proposed" and left < self.terms.quorum
        return replace(self, refused=refused, state="refused" if lost else self.state)

    def expire(self, at: int) -> Life:
        """End it unreleased, once its time is over."""
        if self.state not in ("proposed", "approved"):
            raise PolicyError(f"It is {self.state} and doesn't expire.")
        if at < self.terms.expires:
            raise NotReadyError("Its time isn't over yet.")
        return replace(self, state="expired")

    def supersede(self, party: str) -> Life:
        """End it in favour of the same proposer's new one; who approved must approve again."""
        if self.state not in ("proposed", "approved"):
            raise PolicyError(f"It is {self.state} and can't be replaced by another proposal.")
        if party != self.terms.proposer:
            raise PolicyError(f"Only {self.terms.proposer!r} may replace its own proposal.")
        return replace(self, state="superseded")

    def release(self, holder: str, at: int) -> Life:
        """Note that a holder has sealed its fields to the recipients."""
        if holder not in self.terms.holders:
            raise PolicyError(f"{holder!r} holds no record of it, so has nothing to release.")
        if self.state == "proposed":
            raise NotReadyError(
                f"It has {len(self.approved)} of {self.terms.quorum} approvals; nothing is "
                "released before the quorum."
            )
        if self.state not in ("approved", "released", "opened"):
            raise PolicyError(f"It is {self.state}; nothing is released any more.")
        if holder in self.released:
            raise PolicyError(f"{holder!r} has released already.")
        if at >= self.terms.expires:
            raise PolicyError("Its time is over; propose it again.")
        state: State = "released" if self.state == "approved" else self.state
        return replace(self, released=self.released | {holder}, state=state)

    def open(self, recipient: str) -> Life:
        """Note that a recipient has opened what was released; again when more was released."""
        self._require_recipient(recipient)
        if self.state not in ("released", "opened"):
            raise PolicyError(f"It is {self.state}; there is nothing to open.")
        return replace(self, opened=self.opened | {recipient}, state="opened")

    def recall(self, party: str, matcher: str) -> Life:
        """Ask the recipients to give up what was disclosed; nothing more is released then.

        The proposer, an approver or a holder may, and the matcher where a later run has split or
        merged what was disclosed. Before anything is released only the proposer and the matcher
        may: an approver who was outvoted has no veto. It can be recalled again, for other reasons.
        """
        allowed = {self.terms.proposer, matcher}
        if self.released:
            allowed |= self.terms.approvers | self.terms.holders
        if self.state not in ("approved", "released", "opened", "recalled"):
            raise PolicyError(f"It is {self.state}; there is nothing to recall.")
        if party not in allowed:
            raise PolicyError(f"{party!r} has no part in it that lets it be recalled now.")
        return replace(self, state="recalled", recalls=self.recalls + 1)

    def give_back(self, recipient: str, recall: int) -> Life:
        """Note that a recipient has done what a recall asks, by the recall's number from 0."""
        self._require_recipient(recipient)
        if not 0 <= recall < self.recalls:
            raise PolicyError(f"It is {self.state} and has no such recall.")
        if (recipient, recall) in self.returned:
            raise PolicyError(f"{recipient!r} has answered that recall already.")
        return replace(self, returned=self.returned | {(recipient, recall)})

    @property
    def outstanding(self) -> AbstractSet[str]:
        """Recipients who could have something and haven't yet answered every recall."""
        if not self.released:
            return frozenset()
        due = {(name, number) for name in self.terms.recipients for number in range(self.recalls)}
        return frozenset(name for name, _ in due - self.returned)

    def _require_vote(self, party: str, at: int) -> None:
        if self.state not in ("proposed", "approved"):
            raise PolicyError(f"It is {self.state}; nobody decides about it any more.")
        if party not in self.terms.approvers:
            raise PolicyError(f"{party!r} is no approver of it (disclosure.approvers).")
        if party == self.terms.proposer:
            raise PolicyError(f"{party!r} proposed it, and others have to decide.")
        if party in self.approved | self.refused:
            raise PolicyError(f"{party!r} has decided already.")
        if at >= self.terms.expires:
            raise PolicyError("Its time is over; ask for a new proposal.")

    def _require_recipient(self, party: str) -> None:
        if party not in self.terms.recipients:
            raise PolicyError(f"{party!r} is no recipient of it.")
