"""The agreement in force, who has signed it, and the versions before and after it."""

from __future__ import annotations

from fastapi import Response

from matcher.agreements.catalogue import Catalogue
from matcher.console.pages import Pages, SignedIn
from matcher.console.readers import EVERYBODY


def agreement_pages(catalogue: Catalogue) -> Pages:
    """Return the page."""
    pages = Pages()

    @pages.show("/agreement", "Agreement", EVERYBODY, menu=True)
    def agreement(visit: SignedIn) -> Response:
        """Show the agreement that the visitor has signed in under."""
        terms = visit.place.agreement.agreement
        others = catalogue.of_key(visit.session.key)
        return visit.page(
            "agreement.html",
            agreement=visit.place.agreement,
            standing=catalogue.standing(visit.place.digest),
            versions=[
                (entry, catalogue.standing(entry.digest))
                for entry in others
                if entry.id == terms.id
            ],
        )

    return pages
