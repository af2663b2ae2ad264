"""Disclosures: which there are, how they stand, and what was done about each, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Path, Query, Response

from linkage.audit.events import Event, parse_event
from linkage.protocol.canonical import decode_base64
from linkage.protocol.disclosure.history import Case, replay
from linkage.protocol.disclosure.life import State
from linkage.protocol.disclosure.replies import DisclosureEntry, DisclosureFile
from matcher.agreements.directory import Place
from matcher.console.pages import Pages, SignedIn
from matcher.console.readers import EVERYBODY
from matcher.disclosures.service import Disclosures

PAGE = 50
_Choice = Literal["open", "disclosed", "recalled", "not-shared"]
STATES: dict[_Choice, tuple[str, tuple[State, ...]]] = {
    "open": ("Waiting for a decision, or for the release", ("proposed", "approved")),
    "disclosed": ("Disclosed", ("released", "opened")),
    "recalled": ("Recalled", ("recalled",)),
    "not-shared": ("Not shared", ("refused", "expired", "superseded")),
}
"""What disclosures can be chosen by."""
_Id = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class Step:
    """Something that was done about a disclosure, and its event's leaf in the log."""

    event: Event
    leaf: int


def disclosure_pages(disclosures: Disclosures) -> Pages:
    """Return the pages."""
    pages = Pages()

    @pages.show("/disclosures", "Disclosures", EVERYBODY, menu=True)
    def list_disclosures(
        visit: SignedIn,
        state: _Choice | None = None,
        page: Annotated[int, Query(ge=1, le=1000)] = 1,
    ) -> Response:
        """Show the disclosures in which the visitor has a part, the newest first."""
        seen = disclosures.all(visit.place.agreement, visit.place.party)
        chosen = [entry for entry in seen if state is None or entry.state in STATES[state][1]]
        return visit.page(
            "disclosures.html",
            entries=chosen[PAGE * (page - 1) : PAGE * page],
            counts=_counts(seen),
            choices={name: words for name, (words, _) in STATES.items()},
            chosen=state,
            total=len(chosen),
            page=page,
            more=len(chosen) > PAGE * page,
        )

    @pages.show("/disclosures/{disclosure}", "Disclosure", EVERYBODY)
    def show_disclosure(visit: SignedIn, disclosure: _Id) -> Response:
        """Show what is asked, how it stands, and what was done."""
        file = disclosures.file(visit.place.agreement, visit.place.party, disclosure)
        return visit.page(
            "disclosure.html",
            title=f"Disclosure {disclosure[:8]}",
            case=_case(visit.place, file),
            state=file.state,
            steps=list(_steps(file)),
            successor=_seen(disclosures, visit.place, file.successor),
        )

    return pages


def _counts(entries: tuple[DisclosureEntry, ...]) -> dict[str, int]:
    return {
        name: sum(entry.state in states for entry in entries)
        for name, (_, states) in STATES.items()
    }


def _case(place: Place, file: DisclosureFile) -> Case:
    """Return what the messages come to; the state that time or a successor gave is the file's."""
    evidence = decode_base64(file.evidence, "The evidence")
    first, *rest = [decode_base64(own.message, "A message") for own in file.entered]
    return replay(place.agreement, evidence, first, rest)


def _steps(file: DisclosureFile) -> Iterator[Step]:
    for own in file.entered:
        yield Step(parse_event(decode_base64(own.event, "An event")), own.leaf)


def _seen(disclosures: Disclosures, place: Place, id_: str | None) -> str | None:
    """Return the id of a disclosure if the visitor may see it."""
    seen = {entry.id for entry in disclosures.all(place.agreement, place.party)}
    return id_ if id_ in seen else None
