"""The console of a matcher, beside its API on the same address."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from matcher.api.limits import RateLimit
from matcher.api.request_id import id_of
from matcher.config.settings import ServiceSettings
from matcher.console.agreement_pages import agreement_pages
from matcher.console.app import create_console
from matcher.console.disclosure_pages import disclosure_pages
from matcher.console.log_pages import log_pages
from matcher.console.match_log_pages import match_log_pages
from matcher.console.overview_pages import Desk, overview_pages
from matcher.console.pages import PREFIX, Pages
from matcher.console.quality_pages import quality_pages
from matcher.console.refused_pages import refused_pages
from matcher.console.report_pages import report_pages
from matcher.console.retention_pages import retention_pages
from matcher.console.round_pages import round_pages
from matcher.console.run_pages import run_pages
from matcher.sessions.service import Sessions

if TYPE_CHECKING:
    from matcher.app.building import Services


def build_console(
    services: Services, settings: ServiceSettings, clock: Callable[[], datetime]
) -> ASGIApp:
    """Return the console of a matcher that is reached as the settings say."""
    address = settings.address
    limit = RateLimit(settings.requests_per_second, settings.burst, time.monotonic)
    sessions = Sessions(services.database, services.ledger, services.directory, address, clock)
    return create_console(sessions, address, all_pages(services, clock), id_of, limit.take)


def all_pages(services: Services, clock: Callable[[], datetime]) -> list[Pages]:
    """Return the pages of every service, in the order of the menu."""
    desk = Desk(services.rounds, services.runs, services.disclosures, services.badges)
    return [
        overview_pages(desk),
        agreement_pages(services.catalogue),
        round_pages(services.rounds, services.committed, services.events),
        run_pages(services.runs),
        quality_pages(services.runs, services.desk),
        match_log_pages(services.runs, services.desk),
        report_pages(services.reports),
        disclosure_pages(services.disclosures),
        log_pages(services.events, services.ledger, services.badges),
        retention_pages(services.schedule, clock),
        refused_pages(services.refused),
    ]


class Beside:
    """Serves the console where its addresses are, and the API everywhere else."""

    def __init__(self, api: ASGIApp, console: ASGIApp) -> None:
        self._api = api
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = scope["path"] if scope["type"] == "http" else ""
        is_page = path == PREFIX or path.startswith(f"{PREFIX}/")
        await (self._console if is_page else self._api)(scope, receive, send)
