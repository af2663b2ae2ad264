"""Runs: which there were, and how far they came."""

from __future__ import annotations

from fastapi import Response

from matcher.console.pages import Pages, SignedIn
from matcher.console.readers import THOSE_WHO_RUN_IT
from matcher.runs.service import Runs


def run_pages(runs: Runs) -> Pages:
    """Return the page."""
    pages = Pages()

    @pages.show("/runs", "Runs", THOSE_WHO_RUN_IT, menu=True)
    def list_runs(visit: SignedIn) -> Response:
        """Show the runs of the agreement, the newest first."""
        return visit.page(
            "runs.html",
            runs=runs.all(visit.place.digest),
            has_details=visit.sees("/runs/{run}"),
        )

    return pages
