"""The report of a run, to be downloaded and filed."""

from __future__ import annotations

from fastapi import Response

from matcher.console.pages import Pages, SignedIn
from matcher.console.readers import OVERSEERS
from matcher.reports.desk import Form, ReportDesk

_KINDS: dict[Form, str] = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}


def report_pages(reports: ReportDesk) -> Pages:
    """Return the downloads."""
    pages = Pages()

    @pages.show("/runs/{run}/report.html", "Report as a page", OVERSEERS)
    def html(visit: SignedIn, run: str) -> Response:
        """Give the report as a page that stands alone."""
        return _download(reports, visit, run, "html")

    @pages.show("/runs/{run}/report.pdf", "Report as a PDF", OVERSEERS)
    def pdf(visit: SignedIn, run: str) -> Response:
        """Give the report as a PDF."""
        return _download(reports, visit, run, "pdf")

    return pages


def _download(reports: ReportDesk, visit: SignedIn, run: str, form: Form) -> Response:
    content = reports.report(visit.place.digest, run, form)
    # The run was found, so its id is 32 hex digits.
    headers = {"content-disposition": f'attachment; filename="run-{run[:8]}.{form}"'}
    return Response(content, headers=headers, media_type=_KINDS[form])
