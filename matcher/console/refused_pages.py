"""Requests that were refused, by day, party and problem."""

from __future__ import annotations

from fastapi import Response

from linkage.protocol.problems import PROBLEMS
from matcher.console.pages import Pages, SignedIn
from matcher.console.readers import OVERSEERS
from matcher.refusals.reading import MOST_ROWS, RefusedRequests


def refused_pages(refused: RefusedRequests) -> Pages:
    """Return the page."""
    pages = Pages()

    @pages.show("/refused", "Refused requests", OVERSEERS, menu=True)
    def show_refused(visit: SignedIn) -> Response:
        """Show how many requests were refused, and why."""
        return visit.page(
            "refused.html",
            rows=refused.of(visit.place.digest),
            titles={name: kind.title for name, kind in PROBLEMS.items()},
            most=MOST_ROWS,
        )

    return pages
