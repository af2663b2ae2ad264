"""A run as auditors ask for it."""

from __future__ import annotations

from matcher.disclosures.finished import FinishedRuns
from matcher.quality.cards import card_of
from matcher.quality.kept import KeptRun
from matcher.quality.loading import KeptRuns
from matcher.quality.match_log import find_link, page_of_links
from matcher.quality.shown import About, Card, LinkPage, Wanted
from matcher.store.database import Database


class RunDesk:
    """Shows finished runs of agreements, which go by their digests.

    Every question raises `MissingError` where nothing is kept of the run, and `VerificationError`
    where its files aren't what it has stored.
    """

    def __init__(self, database: Database, finished: FinishedRuns) -> None:
        self._runs = KeptRuns(database, finished)

    def about(self, agreement: str, run: str) -> About:
        """Return all that is told of a run beside its links."""
        return self._runs.about(agreement, run)

    def links(self, agreement: str, run: str, wanted: Wanted, page: int) -> LinkPage:
        """Return a page of the match log; raises `InputError` for what can't be meant."""
        return page_of_links(self.kept(agreement, run), wanted, page)

    def card(self, agreement: str, run: str, link: str) -> Card:
        """Return the evidence card of a link; raises `MissingError`."""
        found = self.kept(agreement, run)
        return card_of(found, find_link(found, link))

    def kept(self, agreement: str, run: str) -> KeptRun:
        """Return a run itself."""
        return self._runs.one(agreement, run)
