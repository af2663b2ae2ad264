"""Reports of runs as auditors ask for them; the typesetter is loaded when first asked for."""

# ruff: noqa: PLC0415 - that is what the local imports are for

from __future__ import annotations

from typing import Literal

from matcher.reports.sources import ReportSources

Form = Literal["html", "pdf"]


class ReportDesk:
    """Writes the reports of finished runs."""

    def __init__(self, sources: ReportSources) -> None:
        self._sources = sources

    def report(self, agreement: str, run: str, form: Form) -> bytes:
        """Return the report of a finished run of an agreement, by its digest.

        Raises `MissingError` where there is no such run, `NotReadyError` where it hasn't finished.
        """
        from matcher.reports.document import report_of
        from matcher.reports.gathering import gather_facts
        from matcher.reports.printing import as_html, as_pdf

        document = report_of(gather_facts(self._sources, agreement, run))
        return as_pdf(document) if form == "pdf" else as_html(document)
