"""Retention: what is kept, until when, and what should be gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import Query, Response

from matcher.console.pages import Pages, SignedIn, Visit
from matcher.console.readers import OVERSEERS, THOSE_WHO_RUN_IT
from matcher.retention.schedule import Keeping, Schedule

PAGE = 50


def retention_pages(schedule: Schedule, clock: Callable[[], datetime]) -> Pages:
    """Return the page."""
    pages = Pages()

    @pages.show("/retention", "Retention", THOSE_WHO_RUN_IT, menu=True)
    def show_retention(
        visit: SignedIn, page: Annotated[int, Query(ge=1, le=100_000)] = 1
    ) -> Response:
        """Show what is kept, the first to go first."""
        now = int(clock().timestamp())
        kept = [one for one in schedule.of(visit.place.agreement) if _is_for(visit, one)]
        return visit.page(
            "retention.html",
            kept=kept[PAGE * (page - 1) : PAGE * page],
            total=len(kept),
            due=sum(one.until is not None and one.until <= now for one in kept),
            now=now,
            page=page,
            more=len(kept) > PAGE * page,
        )

    return pages


def _is_for(visit: Visit, one: Keeping) -> bool:
    """Whether a visitor sees it: agencies see their own uploads, the runs, and no disclosures."""
    if visit.has(*OVERSEERS):
        return True
    return one.what == "run" or one.of == visit.place.party
