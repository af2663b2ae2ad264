"""The first page: which agreement, which party, how things stand, and where to look."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Response

from matcher.agreements.rounds import Rounds
from matcher.console.pages import Page, Pages, SignedIn, Visit
from matcher.console.readers import EVERYBODY, THOSE_WHO_RUN_IT
from matcher.disclosures.service import Disclosures
from matcher.ledger.badge import Badges
from matcher.runs.service import Runs

_OPEN = ("proposed", "approved")


@dataclass(frozen=True)
class Desk:
    """The services that the first page asks."""

    rounds: Rounds
    runs: Runs
    disclosures: Disclosures
    badges: Badges


def overview_pages(desk: Desk) -> Pages:
    """Return the page."""
    pages = Pages()

    @pages.show("/", "Overview", EVERYBODY, menu=True)
    def overview(visit: SignedIn) -> Response:
        """Show how things stand, as far as the visitor may see it."""
        return visit.page("overview.html", facts=_facts(desk, visit), places=_places(visit))

    return pages


def _facts(desk: Desk, visit: Visit) -> list[tuple[str, str]]:
    """Return what stands on the first page, by its heading."""
    agreement, place = visit.place.agreement, visit.place
    seen = desk.disclosures.all(agreement, place.party)
    waiting = sum(entry.state in _OPEN for entry in seen)
    facts = [("Disclosures you have a part in", f"{len(seen):,}, of which {waiting:,} are open")]
    if not visit.has(*THOSE_WHO_RUN_IT):
        return facts
    rounds, runs = desk.rounds.opened(agreement), desk.runs.all(place.digest)
    newest = f"{runs[0].state}, in round {runs[0].round}" if runs else "none yet"
    return [
        ("Newest round", str(rounds[-1].round) if rounds else "none is open yet"),
        ("Newest run", newest),
        *facts,
        ("Events in the log", f"{desk.badges.read().size:,}"),
    ]


def _places(visit: Visit) -> list[Page]:
    return [page for page in visit.menu if page.path != "/"]
