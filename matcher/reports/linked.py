"""What was linked and how: the uploads that went in, and the parameters."""

from __future__ import annotations

from linkage.protocol.sections.matching import Matching
from matcher.reports.blocks import Pairs, Section, Text
from matcher.reports.facts import RunFacts
from matcher.runs.report.parts import Table
from matcher.runs.report.times import moment


def inputs_section(facts: RunFacts) -> Section:
    """Return the uploads that went in."""
    rows = [
        [
            one.upload.agency,
            str(one.upload.round),
            f"{one.upload.rows:,}",
            moment(one.committed),
            f"{one.leaf + 1:,}",
            "erased" if one.erased else "kept",
        ]
        for one in facts.received
    ]
    clean = [
        party.name for party in facts.agreement.party if party.clean and "agency" in party.roles
    ]
    said = (
        "Each agency has encoded its records itself; names, dates and addresses never left it. "
        "What was uploaded are encodings and random tokens."
    )
    return Section(
        "What was linked",
        f"[scheme] {facts.agreement.scheme.version}; [[party]] clean = true for "
        f"{', '.join(clean) or 'none'}",
        (
            Text(said),
            Table(
                "Uploads",
                ["Agency", "Round", "Records", "Committed", "Event of the log", "Now"],
                rows,
            ),
            Table(
                "Digests of the files",
                ["Agency", "SHA-256"],
                [[one.upload.agency, one.upload.sha256] for one in facts.received],
            ),
            Pairs((("Digest of the uploads, as in the log", facts.inputs),)),
        ),
    )


def linking_section(facts: RunFacts) -> Section:
    """Return the parameters."""
    matching, scheme = facts.agreement.matching, facts.agreement.scheme
    rows = [
        ("Linked from a probability of", f"{100 * matching.link_probability:g}%{_costs(matching)}"),
        ("For review from", f"{100 * matching.review:g}%"),
        ("Candidates for each record", f"about {matching.candidates_per_record}"),
        ("Seed of random choices", str(matching.seed)),
        ("Scheme", f"{scheme.version}, digest {scheme.digest()}"),
        ("Run goes on from", facts.run.onto or "no earlier run"),
    ]
    blocks: list[Pairs | Table] = []
    if facts.outcome is not None:
        rows += [
            ("Pairs of records compared", f"{facts.outcome.about.pairs:,}"),
            ("Digest of what came out, as in the log", facts.outcome.digest),
        ]
        blocks.append(
            Table(
                "Groups that were compared, and the fields in each",
                ["Group", "Fields"],
                [[group.name, ", ".join(group.fields)] for group in facts.outcome.about.groups],
                heads=2,
            )
        )
    return Section("How it was linked", "[matching], [scheme]", (Pairs(tuple(rows)), *blocks))


def _costs(matching: Matching) -> str:
    if matching.costs is None:
        return ""
    costs = matching.costs
    return f", where a wrong link costs {costs.false_link:g} and a missed one {costs.missed_link:g}"
