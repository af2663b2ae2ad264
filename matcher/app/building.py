"""Building the services of a matcher from its settings."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.types import ASGIApp

from linkage.audit.keys import Signer
from matcher.agreements.admission import Admission
from matcher.agreements.catalogue import Catalogue
from matcher.agreements.directory import Directory
from matcher.agreements.rounds import Rounds
from matcher.agreements.secrets import SecretMessages
from matcher.agreements.standings import Standings
from matcher.agreements.witnesses import Witnesses
from matcher.api.agreement_routes import agreement_routes
from matcher.api.app import create_app
from matcher.api.cohort_routes import cohort_routes
from matcher.api.disclosure_routes import disclosure_routes
from matcher.api.gate import Gate
from matcher.api.limits import RateLimit
from matcher.api.log_routes import log_routes
from matcher.api.lookup_routes import lookup_routes
from matcher.api.observed import Observed
from matcher.api.round_routes import round_routes
from matcher.api.routes import Routes
from matcher.api.run_routes import run_routes
from matcher.api.secret_routes import secret_routes
from matcher.api.upload_routes import upload_routes
from matcher.app.consoled import Beside, build_console
from matcher.app.monitored import Monitoring, build_monitoring
from matcher.app.running import in_force, matcher_of, utc_now
from matcher.app.serving import listening_socket, run_until_stopped, server_for
from matcher.cohorts.pulling import Pulling
from matcher.cohorts.sending import Payloads
from matcher.cohorts.service import Cohorts
from matcher.config.identity_key import PartyKeys, read_keys
from matcher.config.log_key import read_signer
from matcher.config.settings import ServiceSettings, Settings, UploadSettings
from matcher.disclosures.finished import FinishedRuns
from matcher.disclosures.service import Disclosures
from matcher.ledger.badge import Badges
from matcher.ledger.heads import Heads
from matcher.ledger.ledger import Ledger
from matcher.ledger.searching import EventSearch
from matcher.logs.output import configure_logs
from matcher.lookups.closing import Closing
from matcher.lookups.service import Lookups
from matcher.objects.objects import Objects
from matcher.objects.opening import open_objects
from matcher.quality.desk import RunDesk
from matcher.refusals.counting import RefusalCounter
from matcher.refusals.reading import RefusedRequests
from matcher.reports.desk import ReportDesk
from matcher.reports.sources import ReportSources
from matcher.retention.schedule import Schedule
from matcher.runs.service import Runs
from matcher.store.database import Database
from matcher.store.migrating import require_current
from matcher.store.nonces import NonceKeeper
from matcher.uploads.overview import CommittedUploads
from matcher.uploads.service import Uploads

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Services:
    """The services of a matcher, on one database and one log."""

    database: Database
    ledger: Ledger
    heads: Heads
    directory: Directory
    catalogue: Catalogue
    admission: Admission
    secrets: SecretMessages
    rounds: Rounds
    witnesses: Witnesses
    objects: Objects
    uploads: Uploads
    runs: Runs
    disclosures: Disclosures
    desk: RunDesk
    reports: ReportDesk
    closing: Closing
    lookups: Lookups
    payloads: Payloads
    cohorts: Cohorts
    events: EventSearch
    badges: Badges
    committed: CommittedUploads
    schedule: Schedule
    refused: RefusedRequests


def open_matcher(settings: Settings, clock: Clock = utc_now) -> Services:
    """Build the services of the matcher in a folder; raises for a database that isn't current."""
    database = Database(settings.database_url)
    require_current(database)
    signer = read_signer(settings.log_key_file, settings.log_key)
    objects = open_objects(settings)
    keys = read_keys(settings.identity_key_file)
    return build_services(database, signer, objects, settings.sections.uploads, clock, keys)


def build_services(
    database: Database,
    signer: Signer,
    objects: Objects,
    limits: UploadSettings,
    clock: Clock = utc_now,
    keys: PartyKeys | None = None,
) -> Services:
    """Build the services on a database with the tables of this release.

    ``keys`` are the matcher's own as a party, None where it has none.
    """
    ledger, standings = Ledger(database, signer), Standings(clock)
    directory = Directory(database, standings)
    runs, own = Runs(database, in_force(standings), clock), matcher_of(keys)
    closing, finished = Closing(database, ledger, standings, clock), FinishedRuns(database, objects)
    desk = RunDesk(database, finished)
    disclosures = Disclosures(database, ledger, finished, own, clock)
    pulling = Pulling(database, ledger, objects, finished, own, clock)
    sources = ReportSources(database, ledger, standings, runs, finished, desk, disclosures)
    return Services(
        database=database,
        ledger=ledger,
        heads=Heads(database, signer),
        directory=directory,
        catalogue=Catalogue(database, standings, directory),
        admission=Admission(database, ledger, standings, clock, own),
        secrets=SecretMessages(database, ledger, clock),
        rounds=Rounds(database, ledger, clock),
        witnesses=Witnesses(directory, ledger),
        objects=objects,
        uploads=Uploads(database, ledger, objects, limits, clock, runs.queue_if_due),
        runs=runs,
        disclosures=disclosures,
        desk=desk,
        reports=ReportDesk(sources),
        closing=closing,
        lookups=Lookups(database, ledger, closing, clock),
        payloads=Payloads(database, ledger, objects, limits.most_bytes, clock),
        cohorts=Cohorts(database, ledger, objects, finished, pulling),
        events=EventSearch(database),
        badges=Badges(database, signer.verifier),
        committed=CommittedUploads(database),
        schedule=Schedule(database),
        refused=RefusedRequests(database),
    )


class WebApp:
    """The app of a matcher over HTTP, and what has to be closed after it."""

    def __init__(
        self,
        services: Services,
        routes: Sequence[Routes],
        settings: ServiceSettings,
        clock: Clock = utc_now,
        monitoring: Monitoring | None = None,
        *,
        console: bool = True,
    ) -> None:
        watched = monitoring or Monitoring()
        self._nonces = NonceKeeper(services.database, clock)
        gate = Gate(
            services.directory,
            self._nonces.spend,
            RateLimit(settings.requests_per_second, settings.burst, time.monotonic),
            clock,
            public_url=settings.address,
            body_seconds=settings.body_seconds,
        )
        self._refusals = RefusalCounter(services.database, services.directory, clock)
        app = create_app(gate, services.heads.since, routes, watched.routers)
        if console:
            app = Beside(app, build_console(services, settings, clock))
        self.asgi: ASGIApp = Observed(app, watched.watchers, self._refusals.note)

    def close(self) -> None:
        """Note the last nonces and refusals, and stop."""
        self._nonces.close()
        self._refusals.close()


def serve(settings: Settings, ready: Callable[[str], object]) -> None:
    """Serve a matcher until it is told to stop; ``ready`` is called with its address."""
    services = open_matcher(settings)
    configure_logs(settings.sections.logging.format, settings.sections.logging.level)
    listening = listening_socket(settings.service)
    monitoring = build_monitoring(settings, services.database, services.objects, utc_now)
    web = WebApp(
        services,
        all_routes(services),
        settings.service,
        monitoring=monitoring,
        console=settings.sections.console.enabled,
    )
    try:
        ready(settings.service.address)
        run_until_stopped(server_for(web.asgi, settings.service), listening)
    finally:
        web.close()
        listening.close()
        services.database.close()


def all_routes(services: Services) -> list[Routes]:
    """Return the endpoints of every service."""
    return [
        agreement_routes(services.catalogue, services.admission),
        secret_routes(services.secrets),
        round_routes(services.rounds),
        log_routes(services.ledger, services.witnesses),
        upload_routes(services.uploads),
        run_routes(services.runs),
        disclosure_routes(services.disclosures, services.cohorts.resolved),
        lookup_routes(services.lookups),
        cohort_routes(services.payloads, services.cohorts),
    ]
