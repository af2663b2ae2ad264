"""The match log of a run: its links by pseudonym, and the evidence card of each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from urllib.parse import urlencode

from fastapi import Request, Response

from linkage.errors import InputError
from matcher.console.pages import PREFIX, Pages, SignedIn
from matcher.console.readers import OFFICERS
from matcher.quality.desk import RunDesk
from matcher.quality.shown import Wanted
from matcher.runs.service import Runs

_ASKED = (
    "agency", "and_agency", "probability_from", "probability_to", "weight_from", "weight_to",
    "cluster", "order",
)  # fmt: skip
_MOST_LETTERS = 64


def match_log_pages(runs: Runs, desk: RunDesk) -> Pages:
    """Return the pages."""
    pages = Pages()

    @pages.show("/runs/{run}/links", "Match log", OFFICERS)
    def match_log(visit: SignedIn, request: Request, run: str, page: int = 1) -> Response:
        """Show a page of the links that are asked for."""
        view = runs.one(visit.place.digest, run)
        asked = {name: request.query_params.get(name, "").strip() for name in _ASKED}
        shown = desk.links(view.agreement, run, wanted_of(asked), page)
        here = f"{PREFIX}/runs/{view.id}/links"
        return visit.page(
            "match_log.html",
            run=view,
            shown=shown,
            asked=asked,
            previous=_address(here, asked, shown.page - 1) if shown.page > 1 else None,
            next=_address(here, asked, shown.page + 1) if shown.page < shown.pages else None,
        )

    @pages.show("/runs/{run}/links/{link}", "Evidence of a link", OFFICERS)
    def evidence(visit: SignedIn, run: str, link: str) -> Response:
        """Show how the weight of one link comes about."""
        view = runs.one(visit.place.digest, run)
        return visit.page("link.html", run=view, card=desk.card(view.agreement, run, link))

    return pages


def wanted_of(asked: Mapping[str, str]) -> Wanted:
    """Return what the fields of the form ask for; raises `InputError` for what can't be meant."""
    if any(len(text) > _MOST_LETTERS for text in asked.values()):
        raise InputError(f"A field takes {_MOST_LETTERS} letters at most.")
    return Wanted(
        agencies=_agencies(asked["agency"], asked["and_agency"]),
        probability=(
            _number("probability", asked["probability_from"], share=True),
            _number("probability", asked["probability_to"], share=True),
        ),
        weight=(
            _number("match weight", asked["weight_from"]),
            _number("match weight", asked["weight_to"]),
        ),
        cluster=asked["cluster"] or None,
        weakest_first=asked["order"] == "weakest",
    )


def _agencies(one: str, other: str) -> tuple[str, str] | None:
    if bool(one) != bool(other):
        raise InputError("Name both agencies of a pair, or none.")
    return (one, other) if one else None


def _number(name: str, text: str, *, share: bool = False) -> float | None:
    """Return what is in a field, a share where it is a percentage; None where it is empty."""
    if not text:
        return None
    try:
        value = float(text.removesuffix("%").replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or (share and not 0 <= value <= 100):
        limits = "a number of per cent from 0 to 100" if share else "a number of bits"
        raise InputError(f"The {name} is {limits}.")
    return value / 100 if share else value


def _address(here: str, asked: Mapping[str, str], page: int) -> str:
    said = {name: text for name, text in asked.items() if text}
    return f"{here}?{urlencode({**said, 'page': page})}"
