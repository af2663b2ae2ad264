"""The report on a log bundle, for people."""

from __future__ import annotations

from agency_client.log_report import LogReport, minute
from linkage.audit.kinds import SECTION_62
from linkage.audit.verification import VerifiedBundle

_VERB_MEANS = {
    "collection": "personal data taken in",
    "alteration": "personal data replaced",
    "consultation": "looked at, or asked after",
    "disclosure": "handed to somebody else",
    "combination": "linked",
    "erasure": "erased",
    "decision": "whether to share",
    "preparation": "agreements, keys and checks; starts of runs",
}


def as_text(report: LogReport) -> str:
    """Return the report for people."""
    verdict = "VERIFIED" if report.verified else "NOT VERIFIED"
    lines = [f"log {report.trust.keys.log.name}", "", f"{verdict}. {report.verdict}", ""]
    lines += [
        f"{step.number} {step.name:<10} {step.outcome:<12} {step.meaning}" for step in report.steps
    ]
    if report.advice is not None:
        lines += ["", f"What to do: {report.advice}"]
    if report.bundle is not None:
        lines += ["", *_counts_text(report.bundle)]
    return "\n".join(lines)


def _counts_text(bundle: VerifiedBundle) -> list[str]:
    summary = bundle.summary
    lines = [f"events  {summary.events:,}"]
    if summary.first is not None and summary.last is not None:
        lines.append(f"period  {minute(summary.first)} to {minute(summary.last)}")
    lines += ["", "Operations by section 62 of the Data Protection Act 2018"]
    lines += [_verb_line(verb, summary.by_verb[verb]) for verb in SECTION_62]
    lines += ["What the Act doesn't count as one"]
    lines += [_verb_line(verb, n) for verb, n in summary.by_verb.items() if verb not in SECTION_62]
    lines += [f"  decisions not to share: {summary.withheld:,}", "", "By party"]
    lines += [f"  {party:<16} {count:>9,}" for party, count in summary.by_party.items()]
    lines += ["", "By kind"]
    lines += [f"  {kind:<24} {count:>9,}" for kind, count in summary.by_kind.items()]
    lines += ["", *_remarks(bundle)]
    return lines


def _verb_line(verb: str, count: int) -> str:
    return f"  {verb:<16} {count:>9,}   {_VERB_MEANS[verb]}"


def _remarks(bundle: VerifiedBundle) -> list[str]:
    remarks = []
    if bundle.summary.backdated:
        remarks.append(
            f"Events with an earlier time than one ahead of them: {bundle.summary.backdated:,}. A "
            "clock was wrong, or they were entered late."
        )
    if bundle.other_signatures:
        remarks.append(
            f"Signatures of keys that you didn't give: {bundle.other_signatures:,}. They count for "
            "nothing."
        )
    remarks.append("No check can show what was never entered, or whether what was entered is true.")
    return remarks
