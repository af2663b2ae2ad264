"""A disclosure in plain words: what is asked, by whom, under which clause, and how it stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from agency_client.agreement_words import rule_in_words
from linkage.entries import VerifiedFile
from linkage.protocol.disclosure.history import Case
from linkage.protocol.disclosure.messages import ClusterEvidence, Recall
from linkage.protocol.disclosure.rules import quorum

DIGITS = 8
SHOWN = 20
Section = tuple[str, list[str]]


def moment_text(seconds: int) -> str:
    """Return POSIX seconds as people write a time."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%d %B %Y, %H:%M UTC").lstrip("0")


def in_words(found: VerifiedFile, party: str) -> list[Section]:
    """Return the disclosure as a heading with lines each, as ``party`` may see it."""
    case = found.case
    sections = [
        ("disclosure", [case.digest]),
        ("state", list(_state(case))),
        ("asked by", [f"{case.proposer}, {moment_text(case.proposal.proposed)}"]),
        ("open until", [moment_text(case.proposal.expires)]),
        ("for", [", ".join(case.proposal.recipients)]),
        ("purpose", [f"{case.proposal.purpose}; reference: {_visible(case.proposal.reference)}"]),
        ("necessity", [case.proposal.necessity]),
        ("lawful basis", [case.proposal.lawful_basis]),
        ("fields", [", ".join(case.proposal.fields)]),
        ("clauses", list(_clauses(case))),
        ("your records", [_own(case, party)]),
        (counted(len(case.evidence.clusters), "cluster"), list(_clusters(case))),
        ("hints", list(_hints(case))),
        ("releases", list(_releases(case))),
        ("recalled", list(_recalls(case))),
        ("in the log", list(_entries(found))),
    ]
    return [(heading, lines) for heading, lines in sections if lines]


def as_members(found: VerifiedFile, party: str) -> dict[str, Any]:
    """Return the disclosure as JSON."""
    case, life = found.case, found.case.life
    asked = {own.cluster: own.rule for own in case.proposal.clusters}
    return {
        "id": case.digest,
        "state": life.state,
        "proposer": case.proposer,
        "recipients": list(case.proposal.recipients),
        "purpose": case.proposal.purpose,
        "reference": case.proposal.reference,
        "necessity": case.proposal.necessity,
        "lawful_basis": case.proposal.lawful_basis,
        "fields": list(case.proposal.fields),
        "proposed": case.proposal.proposed,
        "expires": case.proposal.expires,
        "supersedes": case.proposal.supersedes,
        "quorum": life.terms.quorum,
        "approvers": sorted(life.terms.voters),
        "approved": sorted(life.approved),
        "refused": sorted(life.refused),
        "released": sorted(life.released),
        "opened": sorted(life.opened),
        "outstanding": sorted(life.outstanding),
        "your_records": own_records(case, party),
        "clusters": [
            {
                "cluster": own.cluster,
                "rule": asked[own.cluster],
                "probability": own.probability,
                "holders": {holding.agency: holding.records for holding in own.holders},
                "protected": own.protected,
                "household_hints": list(own.household),
            }
            for own in case.evidence.clusters
        ],
        "recalls": [_recall_members(digest, own) for digest, own in case.recalls],
        "log": [
            {"kind": entry.event.kind, "party": entry.signer, "leaf": entry.leaf,
             "at": entry.event.to_json()["at"]}
            for entry in found.entries
        ],
    }  # fmt: skip


def own_records(case: Case, party: str) -> int:
    """Return how many records of a party the proposal is about."""
    return sum(
        holding.records
        for own in case.evidence.clusters
        for holding in own.holders
        if holding.agency == party
    )


def _state(case: Case) -> Iterator[str]:
    life = case.life
    yield life.state
    yield (
        f"{len(life.approved)} of {life.terms.quorum} approvals needed"
        f"{_named(life.approved)}; who may decide: {', '.join(sorted(life.terms.voters))}"
    )
    if life.refused:
        yield f"refused by {', '.join(sorted(life.refused))}"
    if life.opened:
        yield f"opened by {', '.join(sorted(life.opened))}"
    if life.outstanding:
        yield f"a return is due from {', '.join(sorted(life.outstanding))}"


def _clauses(case: Case) -> Iterator[str]:
    terms = case.agreement.disclosure
    own = case.agreement.agreement
    yield f"agreement {own.id}, version {own.version} ({case.agreement.digest()[:16]})"
    assert terms is not None, "without it there is no proposal"
    raised = quorum(case.agreement, case.evidence) != terms.quorum
    clause = "protected_quorum, since a protected person is among them" if raised else "quorum"
    yield f"disclosure.{clause}: {case.life.terms.quorum}"
    used = {asked.rule for asked in case.proposal.clusters}
    for rule in terms.rule:
        if rule.name in used:
            yield f"disclosure.rule {rule.name}: people {rule_in_words(rule)}"
            if rule.category:
                yield (
                    f"whether they have {rule.category}, the matcher can't know: each holder checks"
                    " its own records before it releases"
                )


def _own(case: Case, party: str) -> str:
    count = own_records(case, party)
    if count:
        return f"{counted(count, 'record')} of yours; which, you are told once it is approved"
    return "none of yours"


def _clusters(case: Case) -> Iterator[str]:
    asked = {own.cluster: own.rule for own in case.proposal.clusters}
    for own in case.evidence.clusters[:SHOWN]:
        yield (
            f"{own.cluster[:DIGITS]}  rule {asked[own.cluster]}; known to {_holders(own)}; weakest "
            f"link {own.probability:.3f}{'; protected' if own.protected else ''}"
        )
    if len(case.evidence.clusters) > SHOWN:
        yield f"and {len(case.evidence.clusters) - SHOWN:,} more; all of them with --format json"


def _holders(own: ClusterEvidence) -> str:
    return ", ".join(
        holding.agency if holding.records == 1 else f"{holding.agency} ({holding.records} records)"
        for holding in own.holders
    )


def _hints(case: Case) -> Iterator[str]:
    """Say who may live together, and never that they are one person."""
    hinted = [own for own in case.evidence.clusters if own.household]
    for own in hinted[:SHOWN]:
        others = " and ".join(name[:DIGITS] for name in own.household)
        yield (
            f"{own.cluster[:DIGITS]} seems to share surname and address with {others}: perhaps "
            "brothers or sisters, and not the same person"
        )


def _releases(case: Case) -> Iterator[str]:
    for holder, own in sorted(case.releases.items()):
        kept = f", {own.withheld} withheld: {own.reason}" if own.withheld else ""
        yield f"{holder}: {counted(own.records, 'record')}{kept}"
    if case.life.state in ("approved", "released", "opened"):
        waiting = sorted(case.life.terms.holders - case.life.released)
        if waiting:
            yield f"still to release: {', '.join(waiting)}"


def _recalls(case: Case) -> Iterator[str]:
    for _, recall in case.recalls:
        yield recall.reason
        for cluster, later in sorted(recall.lineage.items())[:SHOWN]:
            became = f", now {', '.join(name[:DIGITS] for name in later)}" if later else ""
            yield f"about {cluster[:DIGITS]}{became}"


def _recall_members(digest: str, recall: Recall) -> dict[str, Any]:
    lineage = {name: list(later) for name, later in sorted(recall.lineage.items())}
    return {"digest": digest, "reason": recall.reason, "at": recall.at, "lineage": lineage}


def _entries(found: VerifiedFile) -> Iterator[str]:
    for entry in found.entries:
        at = entry.event.at.strftime("%d %B %Y, %H:%M UTC").lstrip("0")
        said = f": {entry.event.justification}" if entry.event.withheld else ""
        yield f"event {entry.leaf:,}, {at}: {entry.event.kind} by {entry.signer}{said}"


def _visible(text: str) -> str:
    """Return what another party wrote without what a terminal would take for a command.

    Only the reference needs it: all else stands in the log, which takes visible characters alone.
    """
    return "".join(character if character.isprintable() else "?" for character in text)


def _named(parties: frozenset[str]) -> str:
    return f" ({', '.join(sorted(parties))})" if parties else ""


def counted(count: int, thing: str) -> str:
    """Return so many of a thing, in the right number."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
