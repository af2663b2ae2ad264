"""Entering proposals and messages: each is replayed, stored and logged in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import get_args

from sqlalchemy import Connection, select

from linkage.errors import (
    ConflictError,
    MissingError,
    NotReadyError,
    PolicyError,
    VerificationError,
)
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import parse_json
from linkage.protocol.disclosure.history import (
    CLOCK_SECONDS,
    Case,
    advance,
    open_case,
    supersede,
)
from linkage.protocol.disclosure.messages import (
    KINDS,
    PROPOSAL_KIND,
    Move,
    Proposal,
    Recall,
    Release,
    Return,
    digest_of,
    parse_signed,
)
from linkage.protocol.disclosure.release import require_releasable
from linkage.protocol.disclosure.replies import DisclosureEntry
from linkage.protocol.signing import verify_signed
from matcher.agreements.once import Unchanged, lock_agreement
from matcher.disclosures.cases import (
    Cases,
    Stored,
    evidence_content,
    find,
    insert_case,
    insert_message,
    messages_of,
    require_seen,
    update_case,
    waiting_of,
)
from matcher.disclosures.events import moved, proposed, superseded
from matcher.disclosures.finished import require_newest
from matcher.disclosures.sealed import require_all_sealed
from matcher.ledger.ledger import Ledger
from matcher.ledger.recording import Recording
from matcher.store.database import Database
from matcher.store.tables import cluster_evidence

_SOURCE = "The message"


class Moves:
    """Takes what parties sign about disclosures."""

    def __init__(
        self, database: Database, ledger: Ledger, cases: Cases, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._cases = cases
        self._clock = clock

    def propose(self, agreement: Agreement, party: str, content: bytes) -> DisclosureEntry:
        """Enter a proposal; the same bytes again change nothing.

        Raises `VerificationError` unless it is a proposal that follows from its evidence,
        `PolicyError` where the agreement doesn't allow it, or it is another's; `MissingError`
        without the evidence, `ConflictError` where that isn't of the newest run, and
        `NotReadyError` while too many of the party's proposals are open.
        """
        said = _proposal_of(content, agreement, party)
        digest = digest_of(content)
        with suppress(Unchanged), self._ledger.recording() as recording:
            connection = recording.connection
            lock_agreement(connection, agreement.digest())
            if find(connection, agreement.digest(), digest) is not None:
                raise Unchanged
            _require_now(said, self._now())
            run, evidence = _evidence_of(connection, agreement, said)
            case = open_case(agreement, evidence, content)
            _require_few_open(connection, agreement, case)
            self._enter(recording, case, content, run)
        return self._entry(agreement, party, digest)

    def enter(
        self, agreement: Agreement, party: str, id_: str, content: bytes, *, in_force: bool
    ) -> DisclosureEntry:
        """Enter a message about a disclosure; the same bytes again change nothing.

        Raises as `linkage.protocol.disclosure.history.advance`; `PolicyError` where it is another's
        message, or may not be sent once the agreement isn't ``in_force`` any more;
        `NotReadyError` for a release of which not everything sealed is there.
        """
        with suppress(Unchanged), self._ledger.recording() as recording:
            connection = recording.connection
            lock_agreement(connection, agreement.digest())
            stored = require_seen(connection, agreement, party, id_)
            known = [own.content for own in messages_of(connection, id_)]
            if content in known[1:]:
                raise Unchanged
            case = self._cases.load(connection, agreement, stored)
            move = _move_of(content, case, party)
            self._require_turn(connection, case, stored, party, move, in_force=in_force)
            now = self._clock()  # once: readers hold the message's time against the event's
            after = advance(case, content, _SOURCE, int(now.timestamp()))
            leaf = recording.append(moved(case, party, move, content, now))
            insert_message(connection, id_, len(known), content, leaf)
            update_case(connection, after)
        return self._entry(agreement, party, id_)

    def _enter(self, recording: Recording, case: Case, content: bytes, run: str) -> None:
        """Store a new case, and end the one that it replaces."""
        connection, now = recording.connection, self._clock()
        replaced = self._replaced(connection, case)
        if replaced is not None:
            recording.append(superseded(replaced, case, now))
        leaf = recording.append(proposed(case, now))
        insert_case(connection, case, content, run, leaf, int(now.timestamp()))
        if replaced is not None:
            update_case(connection, replaced, case.digest)

    def _replaced(self, connection: Connection, case: Case) -> Case | None:
        """Return the case that a new one replaces, ended; None if it names none."""
        name = case.proposal.supersedes
        if name is None:
            return None
        stored = require_seen(connection, case.agreement, case.proposer, name)
        return supersede(self._cases.load(connection, case.agreement, stored), case)

    def _require_turn(
        self,
        connection: Connection,
        case: Case,
        stored: Stored,
        party: str,
        move: Move,
        *,
        in_force: bool,
    ) -> None:
        """Raise unless what only the matcher can know lets the message be entered."""
        if not in_force and not isinstance(move, Recall | Return):
            raise PolicyError(
                "The agreement isn't in force any more: what was disclosed can be recalled and "
                "given back, and nothing else."
            )
        if isinstance(move, Release):
            require_met(case)
            require_kept(stored)
            require_releasable(case, party, self._now())
            require_all_sealed(connection, case, party, move)

    def _entry(self, agreement: Agreement, party: str, id_: str) -> DisclosureEntry:
        with self._database.reading() as connection:
            return require_seen(connection, agreement, party, id_).summary.entry

    def _now(self) -> int:
        return int(self._clock().timestamp())


def require_met(case: Case) -> None:
    """Raise unless the quorum was met, alike for whoever asks and whoever's records are meant."""
    life = case.life
    if len(life.approved) >= life.terms.quorum:
        return
    if life.state != "proposed":
        raise PolicyError(f"It is {life.state}; nothing is released any more.")
    raise NotReadyError(
        f"It has {len(life.approved)} of {life.terms.quorum} approvals; nothing is told or "
        "released before the quorum."
    )


def require_kept(stored: Stored) -> None:
    """Raise `PolicyError` where what a disclosure is about was erased."""
    if stored.data != "kept":
        raise PolicyError(
            "What was sealed, and which records were meant, is erased: the agreement lets it be "
            "kept no longer."
        )


def _proposal_of(content: bytes, agreement: Agreement, party: str) -> Proposal:
    signed = verify_signed(content, "The proposal", PROPOSAL_KIND, agreement.identities)
    if signed.signer != party:
        raise PolicyError(f"The proposal is that of {signed.signer!r}, and {party!r} sent it.")
    said: Proposal = parse_signed(signed, "The proposal")
    return said


def _require_now(said: Proposal, now: int) -> None:
    """Raise `VerificationError` unless a proposal says the time at which it comes."""
    if abs(said.proposed - now) > CLOCK_SECONDS:
        raise VerificationError(
            "The proposal says another time than that at which it came, by more than "
            f"{CLOCK_SECONDS // 60} minutes; set your clock and sign it anew."
        )


def _evidence_of(connection: Connection, agreement: Agreement, said: Proposal) -> tuple[str, bytes]:
    """Return the run and the content of a proposal's evidence, which must be of the newest run."""
    digest = agreement.digest()
    content = evidence_content(connection, digest, said.evidence)
    if content is None:
        raise MissingError("The evidence of the proposal isn't here any more; ask for it again.")
    query = select(cluster_evidence.c.run).where(cluster_evidence.c.digest == said.evidence)
    run = str(connection.execute(query).scalar_one())
    if run != require_newest(connection, digest):
        raise ConflictError(
            "A later run has finished since the evidence was given; ask for the clusters and the "
            "evidence again."
        )
    return run, content


def _require_few_open(connection: Connection, agreement: Agreement, case: Case) -> None:
    """Raise `NotReadyError` where as many of the proposer's proposals wait as may at once."""
    assert agreement.disclosure is not None  # nothing could be proposed without
    most = agreement.disclosure.open_proposals
    replaced = case.proposal.supersedes
    waiting = [own for own in waiting_of(connection, agreement, case.proposer) if own != replaced]
    if len(waiting) >= most:
        raise NotReadyError(
            f"{len(waiting):,} proposals of {case.proposer!r} wait for decisions, and no more than "
            f"{most:,} may at once (disclosure.open_proposals); wait for some to be decided, or "
            "replace one."
        )


def _move_of(content: bytes, case: Case, party: str) -> Move:
    """Return a message that moves a disclosure, if it is the caller's own."""
    kind = parse_json(content, _SOURCE).get("kind")
    if not isinstance(kind, str) or KINDS.get(kind) not in get_args(Move):
        raise VerificationError(f"{_SOURCE} is no message that moves a disclosure.")
    signed = verify_signed(content, _SOURCE, kind, case.agreement.identities)
    if signed.signer != party:
        raise PolicyError(f"The message is that of {signed.signer!r}, and {party!r} sent it.")
    move: Move = parse_signed(signed, _SOURCE)
    return move
