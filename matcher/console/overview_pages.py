"""The first page: which agreement, which party, and what there is to see."""

from __future__ import annotations

from fastapi import Response

from matcher.console.pages import Pages, SignedIn
from matcher.console.readers import EVERYBODY


def overview_pages() -> Pages:
    """Return the page."""
    pages = Pages()

    @pages.show("/", "Overview", EVERYBODY, menu=True)
    def overview(visit: SignedIn) -> Response:
        """Show where the visitor is."""
        return visit.page("overview.html")

    return pages
