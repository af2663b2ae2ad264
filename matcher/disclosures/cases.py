"""Disclosures as the database has them: found, replayed, listed, and put on file with the log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass as message
from sqlalchemy import Connection, Row, func, insert, select, update

from linkage.errors import MissingError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import canonical_json, parse_message
from linkage.protocol.disclosure.history import Case, expire, replay
from linkage.protocol.disclosure.life import State
from linkage.protocol.disclosure.replies import DisclosureEntry
from linkage.protocol.settings import settings
from linkage.protocol.signing import PartyName
from matcher.agreements.standings import Recent
from matcher.store.tables import cluster_evidence, disclosure_messages, disclosures

_MOST_CASES = 32
_Names = Annotated[tuple[PartyName, ...], Field(max_length=10_000)]


@message(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class Summary:
    """What the messages of a disclosure come to: enough to list it, and to know who may see it.

    ``met`` says that the quorum was met; what came later doesn't take that back.
    """

    entry: DisclosureEntry
    holders: _Names
    recipients: _Names
    met: bool = False


_SUMMARY = TypeAdapter(Summary)


@dataclass(frozen=True)
class Stored:
    """A disclosure's row; times are POSIX seconds."""

    id: str
    agreement: str
    evidence: str
    state: State
    expires: int
    received: int
    leaf: int
    summary: Summary
    successor: str | None
    compared: str
    data: str


@dataclass(frozen=True)
class Entered:
    """A stored message, and its event's leaf in the log."""

    content: bytes
    leaf: int


class Cases:
    """Reads disclosures by replaying their messages; what was replayed last stays in memory."""

    def __init__(self) -> None:
        self._replayed: Recent[tuple[str, int, str], Case] = Recent(_MOST_CASES)

    def load(self, connection: Connection, agreement: Agreement, stored: Stored) -> Case:
        """Return the case that a disclosure's messages lead to, in the state that it has."""
        count = select(func.count()).where(disclosure_messages.c.disclosure == stored.id)
        key = (stored.id, connection.execute(count).scalar_one(), stored.state)
        return self._replayed.get(key, lambda: _replayed(connection, agreement, stored))


def _replayed(connection: Connection, agreement: Agreement, stored: Stored) -> Case:
    contents = [own.content for own in messages_of(connection, stored.id)]
    evidence = evidence_content(connection, agreement.digest(), stored.evidence)
    assert evidence is not None
    case = replay(agreement, evidence, contents[0], contents[1:])
    if stored.state == "expired":
        return expire(case, stored.expires)
    if stored.state == "superseded":
        return replace(case, life=case.life.supersede(case.proposer))
    return case


def summary_of(case: Case) -> Summary:
    """Return what a case comes to."""
    life, proposal = case.life, case.proposal
    entry = DisclosureEntry(
        id=case.digest,
        state=life.state,
        proposer=case.proposer,
        purpose=proposal.purpose,
        proposed=proposal.proposed,
        expires=proposal.expires,
        clusters=len(proposal.clusters),
        approvals=len(life.approved),
        refusals=len(life.refused),
        quorum=life.terms.quorum,
        outstanding=tuple(sorted(life.outstanding)),
    )
    holders = tuple(sorted(life.terms.holders))
    met = len(life.approved) >= life.terms.quorum
    return Summary(entry, holders, proposal.recipients, met)


def may_see(agreement: Agreement, party: str, summary: Summary) -> bool:
    """Whether a party has a part in a disclosure by now.

    Its proposer, the approvers, the matcher and the data protection officers have from the
    beginning; whoever else holds a record of it, or is to receive it, once the quorum is met.
    """
    watching = {*agreement.approvers, *agreement.names("matcher"), *agreement.names("dpo")}
    if party == summary.entry.proposer or party in watching:
        return True
    return summary.met and party in {*summary.holders, *summary.recipients}


def find(connection: Connection, agreement: str, id_: str) -> Stored | None:
    """Return a disclosure of an agreement; None where there is none."""
    query = select(disclosures).where(disclosures.c.agreement == agreement, disclosures.c.id == id_)
    row = connection.execute(query).one_or_none()
    return None if row is None else _stored(row)


def require_seen(connection: Connection, agreement: Agreement, party: str, id_: str) -> Stored:
    """Return a disclosure in which a party has a part.

    Raises `MissingError` alike where there is none and where it isn't this party's to see.
    """
    found = find(connection, agreement.digest(), id_)
    if found is None or not may_see(agreement, party, found.summary):
        raise MissingError(
            f"There is no disclosure {id_[:16]} in which you have a part by now; see "
            "'agency-client disclosures list'."
        )
    return found


def newest(connection: Connection, agreement: str) -> list[Stored]:
    """Return the disclosures of an agreement, the newest first."""
    query = (
        select(disclosures)
        .where(disclosures.c.agreement == agreement)
        .order_by(disclosures.c.leaf.desc())
    )
    return [_stored(row) for row in connection.execute(query)]


def waiting_of(connection: Connection, agreement: Agreement, proposer: str) -> list[str]:
    """Return the ids of a party's disclosures that nobody has decided yet."""
    query = select(disclosures).where(
        disclosures.c.agreement == agreement.digest(), disclosures.c.state == "proposed"
    )
    found = [_stored(row) for row in connection.execute(query)]
    return [own.id for own in found if own.summary.entry.proposer == proposer]


def messages_of(connection: Connection, id_: str) -> list[Entered]:
    """Return the messages of a disclosure in their order, the proposal first."""
    query = (
        select(disclosure_messages.c.content, disclosure_messages.c.leaf)
        .where(disclosure_messages.c.disclosure == id_)
        .order_by(disclosure_messages.c.number)
    )
    return [Entered(bytes(row.content), row.leaf) for row in connection.execute(query)]


def evidence_content(connection: Connection, agreement: str, digest: str) -> bytes | None:
    """Return signed evidence of an agreement by its digest; None where there is none."""
    query = select(cluster_evidence.c.content).where(
        cluster_evidence.c.digest == digest, cluster_evidence.c.agreement == agreement
    )
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else bytes(found)


def insert_case(
    connection: Connection, case: Case, content: bytes, run: str, leaf: int, now: int
) -> None:
    """Store a new disclosure with its proposal."""
    connection.execute(
        insert(disclosures).values(
            id=case.digest,
            agreement=case.agreement.digest(),
            evidence=case.proposal.evidence,
            state=case.life.state,
            expires=case.proposal.expires,
            received=now,
            leaf=leaf,
            summary=_summary_bytes(case),
            compared=run,
        )
    )
    insert_message(connection, case.digest, 0, content, leaf)


def insert_message(
    connection: Connection, id_: str, number: int, content: bytes, leaf: int
) -> None:
    """Store a message after those that are there."""
    values = {"disclosure": id_, "number": number, "content": content, "leaf": leaf}
    connection.execute(insert(disclosure_messages).values(**values))


def update_case(connection: Connection, case: Case, successor: str | None = None) -> None:
    """Store where a disclosure stands now."""
    values = {"state": case.life.state, "summary": _summary_bytes(case), "successor": successor}
    own = disclosures.c.id == case.digest
    connection.execute(update(disclosures).where(own).values(**values))


def _summary_bytes(case: Case) -> bytes:
    return canonical_json(settings(summary_of(case)))


def _stored(row: Row[Any]) -> Stored:
    values = row._asdict()
    source = f"The summary of the disclosure {values['id'][:16]}"
    return Stored(**values | {"summary": parse_message(_SUMMARY, bytes(values["summary"]), source)})
