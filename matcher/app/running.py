"""The runs of a matcher, for whoever queues, lists or reads them; nothing here loads a compiler."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection

from linkage.protocol.agreement import Agreement
from linkage.protocol.keys import Identity
from linkage.protocol.standing import require_in_force
from matcher.agreements.standings import Standings
from matcher.config.identity_key import PartyKeys
from matcher.config.settings import Settings
from matcher.runs.service import Clock, RequireInForce, Runs
from matcher.store.database import Database
from matcher.store.migrating import require_current


def utc_now() -> datetime:
    """Return the time of the machine's clock, in UTC."""
    return datetime.now(UTC)


def in_force(standings: Standings) -> RequireInForce:
    """Return what gives an agreement that is in force, and raises for any other."""

    def require(connection: Connection, digest: str) -> Agreement:
        agreement = standings.agreement(connection, digest)
        require_in_force(agreement, standings.standing(connection, digest))
        return agreement

    return require


def matcher_of(keys: PartyKeys | None) -> Callable[[Agreement], Identity | None]:
    """Return what gives the matcher's identity in an agreement, None where it isn't its own."""
    return lambda agreement: None if keys is None else keys.matcher_of(agreement)


def open_runs(settings: Settings, clock: Clock = utc_now) -> Runs:
    """Build the runs of a matcher alone; raises for a database that isn't current."""
    database = Database(settings.database_url)
    require_current(database)
    return Runs(database, in_force(Standings(clock)), clock)
