"""Rounds: which are open, who has answered the handshake and uploaded, and what was refused."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Response

from linkage.protocol.leakage import LeakageSummary
from linkage.protocol.replies import RoundEntry, RoundState
from matcher.agreements.rounds import Rounds
from matcher.console.pages import Pages, SignedIn, Visit
from matcher.console.readers import OVERSEERS, THOSE_WHO_RUN_IT
from matcher.ledger.searching import EventSearch, Found, Wanted
from matcher.uploads.overview import CommittedUpload, CommittedUploads, verdict_of


@dataclass(frozen=True)
class _Report:
    """What came of an agency's leakage report with its upload; ``summary`` None if none did."""

    agency: str
    verdict: str
    summary: LeakageSummary | None


@dataclass(frozen=True)
class _Row:
    """A round as the page shows it; ``reports`` are those that the visitor may see."""

    entry: RoundEntry
    uploads: list[CommittedUpload]
    outstanding: list[str]
    reports: list[_Report]


def round_pages(rounds: Rounds, committed: CommittedUploads, events: EventSearch) -> Pages:
    """Return the page."""
    pages = Pages()

    @pages.show("/rounds", "Rounds", THOSE_WHO_RUN_IT, menu=True)
    def list_rounds(visit: SignedIn) -> Response:
        """Show the rounds, the newest first, and the handshake of the next."""
        agreement = visit.place.agreement
        opened = rounds.opened(agreement)
        upcoming = rounds.state(agreement, len(opened) + 1)
        return visit.page(
            "rounds.html",
            rounds=_rows(visit, opened, committed),
            upcoming=upcoming if _is_begun(upcoming) else None,
            refused=_refused(events, visit),
        )

    return pages


def _rows(visit: Visit, opened: tuple[RoundEntry, ...], committed: CommittedUploads) -> list[_Row]:
    agencies, reports = visit.place.agreement.names("agency"), _reports(visit, committed)
    uploads = committed.of(visit.place.digest)
    found = []
    for entry in reversed(opened):
        own = [upload for upload in uploads if upload.round == entry.round]
        names = {upload.agency for upload in own}
        outstanding = [name for name in agencies if name not in names]
        found.append(_Row(entry, own, outstanding, reports.get(entry.round, [])))
    return found


def _reports(visit: Visit, committed: CommittedUploads) -> dict[int, list[_Report]]:
    """Return the leakage reports that a visitor may see, by round: an agency sees its own alone."""
    place = visit.place
    whose = None if visit.has(*OVERSEERS) else place.party
    found: dict[int, list[_Report]] = {}
    for (number, agency), summary in committed.leakage(place.digest, whose).items():
        verdict = verdict_of(summary, place.agreement.scheme)
        found.setdefault(number, []).append(_Report(agency, verdict, summary))
    return found


def _is_begun(upcoming: RoundState) -> bool:
    return bool(upcoming.answered or upcoming.different)


def _refused(events: EventSearch, visit: Visit) -> tuple[Found, ...]:
    """Return the newest refusals of uploads, which the log has with their reasons."""
    wanted = Wanted(agreement=visit.place.agreement.agreement.id, kind="upload.refused")
    return events.page(wanted).events
