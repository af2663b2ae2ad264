"""What was linked and how: the uploads that went in, and the parameters."""

from __future__ import annotations

from linkage.protocol.leakage import LeakageSummary
from linkage.protocol.sections.matching import Matching
from matcher.reports.blocks import Pairs, Section, Text
from matcher.reports.facts import Received, RunFacts
from matcher.runs.report.numbers import percent
from matcher.runs.report.parts import Table
from matcher.runs.report.times import moment
from matcher.uploads.overview import verdict_of


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
            Text(
                "Before they left, each agency attacked a sample of its encodings. It keeps the "
                "whole report, and has signed the following with its upload."
            ),
            Table(
                "Leakage reports",
                ["Agency", "Verdict", "Most recovered", "SHA-256 of the report in JSON"],
                [_leakage(one, facts) for one in facts.received],
            ),
        ),
    )


def _leakage(one: Received, facts: RunFacts) -> list[str]:
    verdict = verdict_of(one.leakage, facts.agreement.scheme)
    if one.leakage is None:
        return [one.upload.agency, verdict, "", ""]
    reason = f": {one.leakage.overruled}" if one.leakage.overruled else ""
    return [one.upload.agency, f"{verdict}{reason}", _most(one.leakage), one.leakage.report]


def _most(leakage: LeakageSummary) -> str:
    if leakage.worst is None:
        return "nothing was attacked"
    share, baseline = leakage.worst.share, leakage.worst.baseline
    return f"{percent(share)}; by guessing {percent(baseline)}"


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
