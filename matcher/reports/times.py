"""How many, as people write it, and what is erased when."""

from __future__ import annotations

from datetime import UTC, datetime

from matcher.reports.blocks import Section, Text
from matcher.reports.facts import RunFacts
from matcher.runs.report.parts import Table
from matcher.runs.report.times import day

DAY = 86_400


def counted(number: int, one: str) -> str:
    """Return a number of things by the word for one of them."""
    return f"{number:,} {one if number == 1 else one + 's'}"


def retention_section(facts: RunFacts) -> Section:
    """Return what is erased when."""
    terms = facts.agreement.retention
    if terms is None:
        said = Text("The agreement sets no time after which anything is erased.", warning=True)
        return Section("Retention", "The agreement has no [retention].", (said,))
    rows = [
        [
            f"Encodings of {one.upload.agency}",
            _after(one.committed, terms.encodings_days),
            "erased" if one.erased else "kept",
        ]
        for one in facts.received
    ]
    if facts.run.ended is not None:
        state = "erased" if facts.outcome is None else "kept"
        rows.append(["Links and clusters", _after(facts.run.ended, terms.encodings_days), state])
    rows += [
        [
            f"Sealed fields of disclosure {told.stored.id[:8]}",
            _after(told.stored.received, terms.disclosures_days),
            told.stored.data,
        ]
        for told in facts.disclosures
    ]
    payload = "" if terms.payload_days is None else f", payload_days = {terms.payload_days}"
    clause = (
        f"[retention] encodings_days = {terms.encodings_days}, "
        f"disclosures_days = {terms.disclosures_days}{payload}"
    )
    table = Table("What may be kept until when", ["What", "Due on", "Now"], rows)
    return Section("Retention", clause, (table,))


def _after(at: int, days: int) -> str:
    return day(datetime.fromtimestamp(at + DAY * days, UTC).date())
