"""The report of a run put into sections."""

from __future__ import annotations

from matcher.reports.blocks import Document
from matcher.reports.facts import RunFacts
from matcher.reports.grounds import agreement_section, parties_section
from matcher.reports.how_well import how_well_section
from matcher.reports.linked import inputs_section, linking_section
from matcher.reports.proof import checkpoint_section, verifying_section
from matcher.reports.sharing import disclosures_section, not_shared_section
from matcher.reports.times import retention_section
from matcher.runs.report.times import moment


def report_of(facts: RunFacts) -> Document:
    """Return the report: what was linked, under which clause, how well, and what was shared."""
    terms, run = facts.agreement.agreement, facts.run
    ended = "" if run.ended is None else f", finished on {moment(run.ended)}"
    return Document(
        f"Record of a linkage: {terms.title}",
        f"Run {run.id} of round {run.round}{ended}",
        (
            agreement_section(facts),
            parties_section(facts),
            inputs_section(facts),
            linking_section(facts),
            how_well_section(facts),
            disclosures_section(facts),
            not_shared_section(facts),
            retention_section(facts),
            checkpoint_section(facts),
            verifying_section(facts),
        ),
    )
