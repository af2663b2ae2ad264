"""The log: its events, chosen by verb, party and purpose, what vouches for it, and its download."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from linkage.audit.events import parse_event
from linkage.errors import InputError, MissingError
from matcher.console.pages import NO_PAGE, PREFIX, Pages, SignedIn
from matcher.console.readers import THOSE_WHO_RUN_IT
from matcher.ledger.badge import Badges
from matcher.ledger.ledger import Ledger
from matcher.ledger.pieces import in_pieces
from matcher.ledger.searching import Choices, Cursor, EventSearch, Wanted, parse_cursor

_Word = Annotated[str, Field(max_length=500)]
_Leaf = Annotated[int, Path(ge=0, lt=2**53)]
_DAY = timedelta(days=1)
_CURSORS = {"before", "after"}


class Asked(BaseModel):
    """What an address of the log asks for; empty is anything. Days are as in 2026-03-31."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verb: _Word = ""
    kind: _Word = ""
    party: _Word = ""
    purpose: _Word = ""
    since: _Word = ""
    until: _Word = ""
    before: _Word = ""
    after: _Word = ""

    @property
    def filters(self) -> dict[str, str]:
        """All but the place in the list."""
        return self.model_dump(exclude=_CURSORS)


def log_pages(events: EventSearch, ledger: Ledger, badges: Badges) -> Pages:
    """Return the pages."""
    pages = Pages()

    @pages.show("/log", "Log", THOSE_WHO_RUN_IT, menu=True)
    def search_log(visit: SignedIn, asked: Annotated[Asked, Query()]) -> Response:
        """Show the events that are asked for, the newest first."""
        name = visit.place.agreement.agreement.id
        wanted = _wanted(name, asked)
        page = events.page(wanted, _cursor(asked.before), _cursor(asked.after))
        return visit.page(
            "log.html",
            found=page,
            choices=_options(events.choices(name)),
            asked=asked.filters,
            newer=_address(asked, "after", page.newer),
            older=_address(asked, "before", page.older),
            badge=badges.read(),
        )

    @pages.show("/log/events/{leaf}", "Event", THOSE_WHO_RUN_IT)
    def show_event(visit: SignedIn, leaf: _Leaf) -> Response:
        """Show all that an event says."""
        try:
            receipt = ledger.receipt(leaf)
        except InputError:
            raise MissingError(NO_PAGE) from None
        return visit.page(
            "event.html",
            title=f"Event {leaf + 1:,} of the log",
            event=parse_event(receipt.event),
            leaf=leaf,
        )

    @pages.show("/log/bundle", "The whole log", THOSE_WHO_RUN_IT)
    def download_bundle(visit: SignedIn) -> Response:  # noqa: ARG001 - to be let in
        """Hand out the whole log, to be verified without this console."""
        return StreamingResponse(
            in_pieces(ledger.bundle()),
            media_type="text/plain; charset=utf-8",
            headers={"content-disposition": 'attachment; filename="log.txt"'},
        )

    return pages


def _wanted(agreement: str, asked: Asked) -> Wanted:
    last = _day(asked.until)
    return Wanted(
        agreement=agreement,
        kind=asked.kind or None,
        verb=asked.verb or None,
        party=asked.party or None,
        purpose=asked.purpose or None,
        since=_seconds(_day(asked.since)),
        until=_seconds(last + _DAY if last else None),
    )


def _options(choices: Choices) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return what can be chosen, by the name of the parameter, each with its label."""
    return {
        "verb": ("What was done", choices.verbs),
        "kind": ("Kind of event", choices.kinds),
        "party": ("By whom", choices.parties),
        "purpose": ("Purpose", choices.purposes),
    }


def _cursor(text: str) -> Cursor | None:
    return parse_cursor(text) if text else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError("A day is written as 2026-03-31; leave it empty for none.") from None


def _seconds(day: date | None) -> int | None:
    if day is None:
        return None
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _address(asked: Asked, name: str, cursor: Cursor | None) -> str | None:
    """Return the address of the page before or after, None where there is none."""
    if cursor is None:
        return None
    filters = {name: value for name, value in asked.filters.items() if value}
    return f"{PREFIX}/log?{urlencode(filters | {name: str(cursor)})}"
