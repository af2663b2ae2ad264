"""Building the worker of a matcher from its settings."""

from __future__ import annotations

from functools import partial

from matcher.agreements.standings import Standings
from matcher.app.running import in_force, matcher_of, utc_now
from matcher.config.identity_key import read_keys
from matcher.config.log_key import read_signer
from matcher.config.settings import Settings
from matcher.disclosures.finished import FinishedRuns
from matcher.disclosures.recalls import Recalls
from matcher.ledger.ledger import Ledger
from matcher.lookups.closing import Closing
from matcher.lookups.comparing import Comparing
from matcher.objects.opening import open_objects
from matcher.quality.preparing import prepare_pages
from matcher.runs.carrying import Carrying
from matcher.runs.service import Clock, Runs
from matcher.store.database import Database
from matcher.store.migrating import require_current
from matcher.uploads.service import Uploads
from matcher.worker.working import Worker


def open_worker(settings: Settings, clock: Clock = utc_now) -> Worker:
    """Build a worker of the matcher in a folder; raises for a database that isn't current."""
    database = Database(settings.database_url)
    require_current(database)
    ledger = Ledger(database, read_signer(settings.log_key_file, settings.log_key))
    standings, objects = Standings(clock), open_objects(settings)
    required, own = in_force(standings), matcher_of(read_keys(settings.identity_key_file))
    runs = Runs(database, required, clock)
    limits, chosen = settings.sections.uploads, settings.sections.worker
    uploads = Uploads(database, ledger, objects, limits, clock, runs.queue_if_due)
    finished = FinishedRuns(database, objects)
    recalls = Recalls(database, ledger, finished, standings.agreement, own, clock)
    closing = Closing(database, ledger, standings, clock)
    comparing = Comparing(database, objects, uploads.open_file, standings, clock)
    return Worker(
        Carrying(database, ledger, required, clock),
        objects,
        uploads.open_file,
        settings.work_folder,
        chosen.lease_seconds,
        chosen.threads,
        recalls.compare,
        partial(prepare_pages, database),
        steps=(comparing.compare_next, closing.close_due, closing.erase_due),
    )
