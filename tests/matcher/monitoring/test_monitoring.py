"""Health and metrics: what is asked, what is said, and what never is."""

from __future__ import annotations

import io
import logging
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from matcher.config.creation import create_matcher, plan_matcher
from matcher.config.loading import load_settings
from matcher.config.settings import Settings
from matcher.logs.lines import RequestLine
from matcher.monitoring.health import FRESH_SECONDS, STALE_SECONDS, Health, HealthChecks
from matcher.monitoring.metrics import Metrics
from matcher.monitoring.state import Monitor
from matcher.objects.folder import Folder
from matcher.objects.opening import open_objects
from matcher.store.database import Database
from matcher.store.failures import DatabaseError
from matcher.store.migrating import migrate
from tests.linkage.audit.made_up import BEGIN
from tests.matcher.service_data import Data, fill

WELL = Health(database=True, objects=True, log_key=True)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "service"
    create_matcher(folder, plan_matcher(folder, "concord.example/north-east"))
    return load_settings(folder, {}, {})


def checks(settings: Settings, database: Database, seconds=lambda: 0.0) -> HealthChecks:
    return HealthChecks(settings, database, open_objects(settings), seconds)


def test_a_matcher_that_is_well(settings: Settings, database: Database):
    assert checks(settings, database).check() == WELL
    assert not list(open_objects(settings).list())


def test_a_lost_database_shows(settings: Settings):
    database = Database(settings.database_url)
    assert checks(settings, database).check().failed == ("database",)
    migrate(database)
    assert checks(settings, database).check() == WELL
    database.close()


def test_a_store_that_cannot_be_written_shows(settings: Settings, database: Database):
    asked = checks(settings, database)
    shutil.rmtree(settings.objects_folder)
    settings.objects_folder.write_bytes(b"not a folder")
    assert asked.check().failed == ("objects",)


@pytest.mark.parametrize("fault", ["missing", "readable", "another"])
def test_a_key_that_cannot_sign_shows(settings: Settings, database: Database, fault: str):
    path = settings.log_key_file
    if fault == "missing":
        path.unlink()
    elif fault == "readable":
        path.chmod(0o644)
    else:
        path.write_bytes(b"another")
    assert checks(settings, database).check().failed == ("log_key",)


def test_the_parts_are_asked_once_in_a_while(settings: Settings, database: Database):
    now = [100.0]
    asked = checks(settings, database, lambda: now[0])
    assert asked.check() == WELL
    settings.log_key_file.unlink()
    now[0] += FRESH_SECONDS - 1
    assert asked.check() == WELL
    now[0] += 1
    assert asked.check().failed == ("log_key",)


class Slow(HealthChecks):
    """Its parts take ten seconds, in which others ask, too."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.now, self.asked, self.heard = 0.0, 0, list[tuple[str, ...]]()
        super().__init__(settings, database, open_objects(settings), lambda: self.now)

    def _ask(self) -> Health:
        self.asked += 1
        for _ in range(2):
            self.now += 5
            self.heard.append(self.check().failed)
        return super()._ask()


def test_nobody_waits_for_a_part_that_somebody_asks(settings: Settings, database: Database):
    slow = Slow(settings, database)
    assert slow.check() == WELL
    assert slow.heard == [("database", "objects", "log_key")] * 2
    slow.now += FRESH_SECONDS - 1
    assert (slow.check(), slow.asked) == (WELL, 1)
    slow.now += 1
    assert (slow.check(), slow.asked, slow.heard[2:]) == (WELL, 2, [(), ()])
    slow.now += STALE_SECONDS
    assert (slow.check(), slow.asked, slow.heard[4:]) == (WELL, 3, [slow.heard[0]] * 2)


def test_two_processes_with_one_number_probe_apart(settings: Settings, database: Database):
    """As in two containers, where every matcher is process 1."""
    seen = set[str]()

    class Watched(Folder):
        def get(self, key: str) -> bytes:
            seen.add(key)
            return super().get(key)

    for _ in range(2):
        store = Watched(settings.objects_folder)
        assert HealthChecks(settings, database, store).check() == WELL
    assert len(seen) == 2


@pytest.fixture
def data(database: Database, tmp_path: Path) -> Data:
    return fill(database, Folder(tmp_path / "objects"))


def values(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Return every sample, by name and the values of its labels in the order of their names."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_the_state_of_the_service(data: Data):
    said = values(Metrics(Monitor(data.database, lambda: BEGIN + timedelta(hours=3)).state))
    assert said["concord_up",] == 1
    assert said["concord_log_events",] == 7
    assert said["concord_jobs", "ended"] == 3
    assert (said["concord_runs", "finished"], said["concord_runs", "failed"]) == (2, 1)
    assert said["concord_runs", "running"] == 0
    assert (said["concord_uploads", "committed"], said["concord_uploads", "open"]) == (3, 1)
    assert said["concord_run_seconds_total",] == 0
    assert said["concord_checkpoint_age_seconds",] == 2 * 3600


def test_an_empty_log_has_no_age(database: Database):
    said = values(Metrics(Monitor(database, lambda: BEGIN).state))
    assert said["concord_log_events",] == 0
    assert ("concord_checkpoint_age_seconds",) not in said


def test_a_lost_database_is_a_number_too():
    def lost() -> None:
        raise DatabaseError("The database can't be used.")

    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger("matcher").addHandler(handler)
    try:
        assert values(Metrics(lost)) == {("concord_up",): 0}
    finally:
        logging.getLogger("matcher").removeHandler(handler)
    assert "can't be used" not in stream.getvalue()


def test_requests_are_counted(database: Database):
    metrics = Metrics(Monitor(database, lambda: BEGIN).state)
    for status, seconds in ((204, 0.004), (204, 0.2), (409, 0.2)):
        metrics.count(RequestLine("0a", "PUT", "/v1/x/{k}", status, seconds, "agency", 1000))
    said = values(metrics)
    route = ("PUT", "/v1/x/{k}")
    assert said["concord_requests_total", *route, "204"] == 2
    assert said["concord_requests_total", *route, "409"] == 1
    assert said["concord_received_bytes_total", *route] == 3000
    assert said["concord_request_seconds_bucket", "0.005", *route] == 1
    assert said["concord_request_seconds_count", *route] == 3


def test_no_party_is_in_the_numbers(data: Data):
    metrics = Metrics(Monitor(data.database, lambda: BEGIN).state)
    metrics.count(RequestLine("0a1b2c", "GET", "/healthz", 200, 0.1, "agency"))
    said = metrics.text().decode()
    for word in ("police", "social_care", "agency", "0a1b2c", data.agreement, *data.uploads):
        assert word not in said
