"""How good a run is: what its links are worth, what the model learnt, whom it is about."""

from __future__ import annotations

from fastapi import Response

from matcher.console.pages import Pages, SignedIn
from matcher.console.readers import OVERSEERS
from matcher.quality.desk import RunDesk
from matcher.runs.service import Runs


def quality_pages(runs: Runs, desk: RunDesk) -> Pages:
    """Return the pages."""
    pages = Pages()

    @pages.show("/runs/{run}", "How good the links are", OVERSEERS)
    def quality(visit: SignedIn, run: str) -> Response:
        """Show what the links of a run are worth."""
        view = runs.one(visit.place.digest, run)
        about = desk.about(view.agreement, run)
        return visit.page("run_quality.html", run=view, found=about.quality)

    @pages.show("/runs/{run}/model", "What the model has learnt", OVERSEERS)
    def model(visit: SignedIn, run: str) -> Response:
        """Show what every comparison of a run is worth."""
        view = runs.one(visit.place.digest, run)
        about = desk.about(view.agreement, run)
        return visit.page("run_model.html", run=view, found=about.model)

    @pages.show("/runs/{run}/people", "Who is known to whom", OVERSEERS)
    def people(visit: SignedIn, run: str) -> Response:
        """Show whom the links of a run are about, and how complete their records are."""
        view = runs.one(visit.place.digest, run)
        about = desk.about(view.agreement, run)
        return visit.page("run_people.html", run=view, found=about.people)

    return pages
