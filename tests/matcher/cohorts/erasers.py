"""What erases payload and cohorts, on the services of a test."""

from __future__ import annotations

from matcher.agreements.standings import Standings
from matcher.cohorts.erasing import PayloadErasing


def erasing_of(services, clock) -> PayloadErasing:
    return PayloadErasing(
        services.database, services.ledger, services.objects, Standings(clock).agreement, 7, clock
    )
