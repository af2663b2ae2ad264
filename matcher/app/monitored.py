"""Health and metrics of a matcher, built from its settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter

from matcher.api.health_routes import health_router, metrics_router
from matcher.api.observed import Watcher
from matcher.config.settings import Settings
from matcher.monitoring.health import HealthChecks
from matcher.monitoring.metrics import Metrics
from matcher.monitoring.state import Monitor
from matcher.objects.objects import Objects
from matcher.store.database import Database


@dataclass(frozen=True)
class Monitoring:
    """The endpoints for whoever watches the matcher, and who hears of every request for them."""

    routers: Sequence[APIRouter] = ()
    watchers: Sequence[Watcher] = ()


def build_monitoring(
    settings: Settings, database: Database, objects: Objects, clock: Callable[[], datetime]
) -> Monitoring:
    """Return the monitoring of a matcher on this database and this store."""
    metrics = Metrics(Monitor(database, clock).state)
    health = HealthChecks(settings, database, objects)
    served = settings.sections.metrics.serve
    return Monitoring(
        (health_router(health.check), metrics_router(metrics.text, served)), (metrics.count,)
    )
