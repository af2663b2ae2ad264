"""Declaring pages: each says where it stands who sees it. Whom it isn't for, finds no such page.

::

    def round_pages(rounds: Rounds) -> Pages:
        pages = Pages()

        @pages.show("/rounds", "Rounds", READERS, menu=True)
        def list_rounds(visit: SignedIn) -> Response:
            '''Show the rounds of the agreement.'''
            return visit.page("rounds.html", rounds=rounds.opened(visit.place.agreement))

        return pages
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from linkage.errors import MissingError
from linkage.protocol.sections.party import Role
from matcher.agreements.directory import Place
from matcher.console.cookies import Cookie
from matcher.console.views import Views
from matcher.sessions.service import Session, Sessions

PREFIX = "/console"
NO_PAGE = "There is no page at this address, or none for you."
_Handler = TypeVar("_Handler", bound=Callable[..., Any])
_Roles = tuple[Role, ...]


class TooManyError(Exception):
    """Whoever asks has asked too often."""


class SignedOutError(Exception):
    """Whoever asks isn't signed in, or not any more."""


@dataclass(frozen=True)
class Page:
    """A page: its address behind `PREFIX`, its name, who sees it, whether the menu names it."""

    path: str
    title: str
    roles: _Roles
    menu: bool = False

    def is_for(self, place: Place) -> bool:
        """Whether a party sees it."""
        return any(role in self.roles for role in place.roles)


@dataclass(frozen=True)
class House:
    """What every page needs: sessions, cookies, templates, and which pages there are.

    ``wait`` counts a request of a key, and returns how many seconds it is too early, 0 if it isn't;
    it belongs to the event loop.
    """

    sessions: Sessions
    cookie: Cookie
    views: Views
    pages: Sequence[Page]
    wait: Callable[[str], float]


@dataclass(frozen=True)
class Visit:
    """Somebody who is signed in and may see the page they ask for."""

    session: Session
    here: Page
    house: House

    @property
    def place(self) -> Place:
        """The visitor's place in the agreement."""
        return self.session.place

    def has(self, *roles: Role) -> bool:
        """Whether the visitor has one of the roles."""
        return any(role in roles for role in self.place.roles)

    def sees(self, path: str) -> bool:
        """Whether there is a page of that path for the visitor, to be linked to."""
        return any(page.path == path and page.is_for(self.place) for page in self.house.pages)

    def page(self, template: str, *, title: str | None = None, **context: Any) -> Response:
        """Return a template's page; ``title`` is its heading where that isn't the page's name."""
        shown = title or self.here.title
        text = self.house.views.page(template, visit=self, title=shown, menu=self.menu, **context)
        return HTMLResponse(text)

    @property
    def menu(self) -> list[Page]:
        """The pages that the menu names for the visitor."""
        return [page for page in self.house.pages if page.menu and page.is_for(self.place)]


class Pages:
    """Pages that belong together."""

    def __init__(self) -> None:
        self.router = APIRouter(prefix=PREFIX, include_in_schema=False)
        self.declared: list[Page] = []

    def show(
        self, path: str, title: str, roles: _Roles, *, menu: bool = False
    ) -> Callable[[_Handler], _Handler]:
        """Declare a page; the function under it returns a response, most often `Visit.page`'s."""
        page = Page(path, title, roles, menu)
        self.declared.append(page)

        def declare(handler: _Handler) -> _Handler:
            self.router.add_api_route(
                path,
                handler,
                methods=["GET"],
                dependencies=[Depends(_through(page))],
                response_class=HTMLResponse,
                response_model=None,
            )
            return handler

        return declare


async def session_of(request: Request) -> Session:
    """Return the session of whoever asks; raises `SignedOutError`, `TooManyError`."""
    house: House = request.app.state.house
    token = house.cookie.read(request)
    found = await run_in_threadpool(house.sessions.find, token) if token else None
    if found is None:
        raise SignedOutError
    if house.wait(found.key):
        raise TooManyError
    return found


def _through(page: Page) -> Callable[..., Any]:
    async def let_in(request: Request) -> None:
        session = await session_of(request)
        if not page.is_for(session.place):
            raise MissingError(NO_PAGE)
        request.state.visit = Visit(session, page, request.app.state.house)

    return let_in


def _of_request(request: Request) -> Visit:
    visit: Visit = request.state.visit
    return visit


SignedIn = Annotated[Visit, Depends(_of_request)]
"""The parameter by which a page's function takes its visitor."""
