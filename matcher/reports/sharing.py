"""What was disclosed of the run's clusters, to whom, and what was not."""

from __future__ import annotations

from linkage.protocol.disclosure.messages import (
    Approval,
    Move,
    Opening,
    Recall,
    Refusal,
    Release,
    Return,
)
from linkage.protocol.sections.disclosure import Disclosure
from matcher.disclosures.told import Told
from matcher.reports.blocks import Heading, Pairs, Section, Text
from matcher.reports.facts import RunFacts
from matcher.reports.times import counted
from matcher.runs.report.parts import Table
from matcher.runs.report.times import moment

_DONE: dict[type, str] = {
    Approval: "approved",
    Refusal: "refused",
    Release: "released",
    Opening: "opened",
    Recall: "recalled",
    Return: "gave back what was recalled",
}
_MEANING = {
    "proposed": "proposed, and not decided",
    "approved": "approved, and nothing released yet",
    "expired": "expired, and nothing was released",
    "superseded": "replaced by a new proposal",
}


def disclosures_section(facts: RunFacts) -> Section:
    """Return every disclosure of the run's clusters, with all that was said about it."""
    terms = facts.agreement.disclosure
    if terms is None:
        said = Text("The agreement has no [disclosure], so nobody is named to anybody.")
        return Section("What was disclosed", "The agreement has no [disclosure].", (said,))
    if not facts.disclosures:
        said = Text("No disclosure of a cluster of this run was proposed.")
        return Section("What was disclosed", _clause(terms), (said,))
    blocks: list[Heading | Pairs | Table] = []
    for told in facts.disclosures:
        blocks += [Heading(f"Disclosure {told.stored.id[:8]}"), _summary(told), _timeline(told)]
    return Section("What was disclosed", _clause(terms), tuple(blocks))


def not_shared_section(facts: RunFacts) -> Section:
    """Return what was refused, has expired, was withheld or recalled."""
    rows = [row for told in facts.disclosures for row in _not_shared(told)]
    rows += [
        [f"Upload of {one.agency}, round {one.round}", "refused by the matcher", one.refusal]
        for one in facts.refused
    ]
    blocks: list[Text | Table] = [
        Table("Not shared, or taken back", ["What", "How", "Why"], rows)
        if rows
        else Text("Nothing was refused, withheld or recalled, and nothing has expired.")
    ]
    lookups = (
        f"{counted(facts.lookups, 'lookup')} of a single person went through this run. Who asked, "
        "and what was refused, is in the log."
        if facts.lookups
        else "No lookup of a single person went through this run."
    )
    return Section("What was not shared", "[disclosure]", (*blocks, Text(lookups)))


def _clause(terms: Disclosure) -> str:
    protected = (
        "protected people are never proposed"
        if terms.protected_quorum is None
        else f"protected_quorum = {terms.protected_quorum}"
    )
    return (
        f"[disclosure] quorum = {terms.quorum}, {protected}, expires_days = {terms.expires_days}, "
        f"least_batch = {terms.least_batch}, least_probability = {terms.least_probability:g}"
    )


def _summary(told: Told) -> Pairs:
    proposal, life = told.case.proposal, told.case.life
    rules = sorted({asked.rule for asked in proposal.clusters})
    return Pairs(
        (
            ("State", _MEANING.get(told.stored.state, told.stored.state)),
            ("Proposed by", f"{told.case.proposer}, {moment(proposal.proposed)}"),
            ("Clusters", f"{len(proposal.clusters):,}, by the rule {', '.join(rules)}"),
            ("To", ", ".join(proposal.recipients)),
            ("Fields", ", ".join(proposal.fields)),
            ("Purpose", proposal.purpose),
            ("Lawful basis", proposal.lawful_basis),
            ("Reference", proposal.reference),
            ("Why it takes names", proposal.necessity),
            ("Quorum", f"{len(life.approved)} of {life.terms.quorum} needed have approved"),
            ("Records released", f"{_records(told):,}"),
            ("Until", moment(proposal.expires)),
            ("Digest of the proposal", told.stored.id),
        )
    )


def _records(told: Told) -> int:
    return sum(release.records for release in told.case.releases.values())


def _timeline(told: Told) -> Table:
    proposal = told.case.proposal
    rows = [[moment(proposal.proposed), told.case.proposer, "proposed", ""]]
    rows += [
        [moment(move.at), party, _DONE[type(move)], _detail(move)] for party, move in told.moves
    ]
    if told.stored.state == "expired":
        rows.append([moment(told.stored.expires), "the matcher", "ended it", "its time was over"])
    return Table("Who did what", ["When", "Who", "What", "More"], rows, heads=2)


def _detail(move: Move) -> str:
    match move:
        case Release():
            kept = f", {move.withheld:,} withheld: {move.reason}" if move.withheld else ""
            return f"{counted(move.records, 'record')}{kept}"
        case Refusal():
            return move.reason
        case Recall():
            return f"{counted(len(move.lineage), 'cluster')}: {move.reason}"
        case _:
            return ""


def _not_shared(told: Told) -> list[list[str]]:
    """Return a row for everything about a disclosure that kept something from being shared."""
    name = f"Disclosure {told.stored.id[:8]}"
    rows = [row for party, move in told.moves if (row := _kept_back(name, party, move))]
    if told.stored.state == "expired":
        rows.append([name, "expired", "its time was over"])
    if told.stored.state == "superseded":
        rows.append([name, "replaced", f"by {(told.stored.successor or '')[:8]}"])
    waiting = sorted(told.case.life.outstanding)
    if waiting:
        rows.append([name, "not given back yet", ", ".join(waiting)])
    return rows


def _kept_back(name: str, party: str, move: Move) -> list[str] | None:
    match move:
        case Refusal():
            return [name, f"refused by {party}", move.reason]
        case Release() if move.withheld:
            return [name, f"{counted(move.withheld, 'record')} withheld by {party}", move.reason]
        case Recall():
            return [name, f"recalled by {party}", move.reason]
        case _:
            return None
