"""A run as auditors ask for it: loaded when first asked for, and kept for a while.

What reads runs loads compilers and chart engines. It is imported when the first page needs it, so
that a server that is never asked does without.
"""

# ruff: noqa: PLC0415 - that is what the local imports are for

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from matcher.disclosures.finished import FinishedRuns
from matcher.quality.shown import Card, LinkPage, LinkQuality, ModelLearnt, PeopleFound, Wanted
from matcher.store.database import Database

if TYPE_CHECKING:
    from matcher.quality.figures import Figures
    from matcher.quality.loading import LoadedRun, LoadedRuns


class RunDesk:
    """Shows finished runs of agreements, which go by their digests.

    Every question raises `MissingError` where nothing is kept of the run, and `VerificationError`
    where its files aren't what it has stored.
    """

    def __init__(self, database: Database, finished: FinishedRuns) -> None:
        self._database = database
        self._finished = finished

    def quality(self, agreement: str, run: str) -> LinkQuality:
        """Return how good the links are."""
        return self._figures.quality(self.loaded(agreement, run))

    def model(self, agreement: str, run: str) -> ModelLearnt:
        """Return what the model has learnt."""
        return self._figures.model(self.loaded(agreement, run))

    def people(self, agreement: str, run: str) -> PeopleFound:
        """Return whom the links are about, and how complete their records are."""
        return self._figures.people(self.loaded(agreement, run))

    def links(self, agreement: str, run: str, wanted: Wanted, page: int) -> LinkPage:
        """Return a page of the match log; raises `InputError` for what can't be meant."""
        from matcher.quality.match_log import page_of_links

        return page_of_links(self.loaded(agreement, run), wanted, page)

    def card(self, agreement: str, run: str, link: str) -> Card:
        """Return the evidence card of a link; raises `MissingError`."""
        from matcher.quality.cards import card_of
        from matcher.quality.match_log import find_link

        found = self.loaded(agreement, run)
        return card_of(found, find_link(found, link))

    def loaded(self, agreement: str, run: str) -> LoadedRun:
        """Return a run itself."""
        return self._runs.one(agreement, run)

    @cached_property
    def _runs(self) -> LoadedRuns:
        from matcher.quality.loading import LoadedRuns

        return LoadedRuns(self._database, self._finished)

    @cached_property
    def _figures(self) -> Figures:
        from matcher.quality.figures import Figures

        return Figures()
