"""On what grounds the run was made: the agreement, its purpose, and who has signed it."""

from __future__ import annotations

from matcher.reports.blocks import Pairs, Section, Text
from matcher.reports.facts import RunFacts
from matcher.runs.report.parts import Table
from matcher.runs.report.times import day

_NOT_SAID = "not said"


def agreement_section(facts: RunFacts) -> Section:
    """Return which agreement it was, and what for."""
    terms = facts.agreement.agreement
    rows = (
        ("Agreement", f"{terms.id}, version {terms.version}, epoch {terms.epoch}"),
        ("State", facts.standing.state),
        ("Holds from", _NOT_SAID if terms.starts is None else day(terms.starts)),
        ("Holds until", _NOT_SAID if terms.ends is None else day(terms.ends)),
        ("Purpose", terms.purpose or _NOT_SAID),
        ("Purpose codes", ", ".join(terms.purpose_codes) or _NOT_SAID),
        ("Lawful basis", terms.lawful_basis or _NOT_SAID),
        ("Statutory gateway", terms.statutory_gateway or _NOT_SAID),
        ("Digest (SHA-256)", facts.standing.digest),
    )
    return Section("The agreement", "[agreement]", (Pairs(rows),))


def parties_section(facts: RunFacts) -> Section:
    """Return who takes part, as what, and whose signature stands under the agreement."""
    rows = [
        [
            party.name,
            ", ".join(party.roles),
            "signed" if party.name in facts.standing.signed else "not signed",
            facts.signatures.get(party.name, "none"),
        ]
        for party in facts.agreement.party
    ]
    table = Table(
        "Parties and signatures", ["Party", "Role", "Agreement", "SHA-256 of the signature"], rows
    )
    missing = facts.standing.missing
    said = (
        f"The signature of {', '.join(missing)} is missing."
        if missing
        else "Every party has signed. The log names each signature by the digest below."
    )
    return Section("The parties", "[[party]]", (Text(said, warning=bool(missing)), table))
