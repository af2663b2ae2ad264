"""Recalling what a later run has shown to be wrong: clusters split, merged, or with erased records.

Every disclosure that may be in use is compared with the newest run of its agreement, or of a later
version of the same epoch, once: a column says with which run that was last, so that a crash between
the two loses nothing.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pyarrow.parquet as pq
from sqlalchemy import Connection, select, update

from linkage.protocol.agreement import Agreement
from linkage.protocol.disclosure.history import advance
from linkage.protocol.disclosure.messages import Recall, sign_message
from linkage.protocol.keys import Identity
from matcher.agreements.once import Unchanged, lock_agreement
from matcher.disclosures.cases import (
    Cases,
    Stored,
    find,
    insert_message,
    messages_of,
    newest,
    update_case,
)
from matcher.disclosures.clusters import Record, RunClusters
from matcher.disclosures.comparing import ERASED, MERGED, SPLIT, Comparison, Fate
from matcher.disclosures.events import moved
from matcher.disclosures.evidence import Own
from matcher.disclosures.finished import FinishedRuns
from matcher.disclosures.holdings import records_of
from matcher.ledger.ledger import Ledger
from matcher.runs.newest import newest_run_since
from matcher.store.database import Database
from matcher.store.tables import agreements, cluster_evidence, disclosures, runs

IN_USE = ("approved", "released", "opened", "recalled")
"""What may lie with a recipient, and what was recalled may have been so for another reason."""


class Recalls:
    """Compares disclosures with newer runs; ``read`` gives an admitted agreement by its digest."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        finished: FinishedRuns,
        read: Callable[[Connection, str], Agreement],
        own: Own,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._finished = finished
        self._read = read
        self._own = own
        self._clock = clock
        self._cases = Cases()

    def compare(self) -> int:
        """Compare what wasn't yet, and return how many disclosures were recalled.

        Those of an agreement whose matcher has other keys wait until this one has them.
        """
        return sum(
            self._compare(agreement, own, stored, run)
            for agreement, own, stored, run in self._due()
        )

    def _due(self) -> list[tuple[Agreement, Identity, Stored, str]]:
        query = select(disclosures.c.agreement).where(disclosures.c.state.in_(IN_USE)).distinct()
        found = []
        with self._database.reading() as connection:
            for digest in connection.execute(query).scalars().all():
                agreement = self._read(connection, digest)
                run = newest_run_since(connection, agreement)
                own = self._own(agreement)
                if run is not None and own is not None:
                    found += [
                        (agreement, own, stored, run)
                        for stored in newest(connection, digest)
                        if _is_due(stored, run)
                    ]
        return found

    def _compare(self, agreement: Agreement, own: Identity, stored: Stored, run: str) -> bool:
        clusters = self._clusters(run)
        fates = self._fates(agreement, stored, clusters)
        if fates:
            return self._recall(agreement, own, stored, clusters, fates)
        with self._database.writing() as connection:
            _note(connection, stored.id, run)
        return False

    def _fates(self, agreement: Agreement, stored: Stored, new: RunClusters) -> dict[str, Fate]:
        """Return what became of those clusters that aren't what they were, nor recalled yet."""
        with self._database.reading() as connection:
            case = self._cases.load(connection, agreement, stored)
            known = {name for _, recall in case.recalls for name in recall.lineage}
            held = records_of(connection, stored.evidence)
            base = _run_of(connection, stored.evidence)
        if self._finished.outcome(base) is None:
            base = stored.compared
        kept = self._finished.outcome(base) is not None
        old = self._clusters(base) if kept else None
        erased = _erased(self._finished.file(new.run, "tombstones.parquet"))
        current = {name: records for name, records in held.items() if name not in known}
        return Comparison(current, old, new, erased).fates()

    def _clusters(self, run: str) -> RunClusters:
        with self._database.reading() as connection:
            agreement = connection.execute(select(runs.c.agreement).where(runs.c.id == run))
            digest = str(agreement.scalar_one())
        return self._finished.clusters(digest, run)

    def _recall(
        self,
        agreement: Agreement,
        own: Identity,
        stored: Stored,
        clusters: RunClusters,
        fates: dict[str, Fate],
    ) -> bool:
        """Enter the matcher's own recall; False if another worker was quicker."""
        with suppress(Unchanged), self._ledger.recording() as recording:
            connection, now = recording.connection, self._clock()
            lock_agreement(connection, agreement.digest())
            current = find(connection, agreement.digest(), stored.id)
            if current is None or not _is_due(current, clusters.run):
                raise Unchanged
            lineage = {
                name: tuple(sorted(map(clusters.name, fate.parts))) for name, fate in fates.items()
            }
            reason = _reason(connection, agreement, clusters.run, fates)
            recall = Recall(stored.id, int(now.timestamp()), reason, lineage)
            content = sign_message(recall, own)
            case = self._cases.load(connection, agreement, current)
            after = advance(case, content, "The recall", recall.at)
            leaf = recording.append(moved(case, own.name, recall, content, now))
            number = len(messages_of(connection, stored.id))
            insert_message(connection, stored.id, number, content, leaf)
            update_case(connection, after)
            _note(connection, stored.id, clusters.run)
            return True
        return False


def _reason(connection: Connection, agreement: Agreement, run: str, fates: dict[str, Fate]) -> str:
    """Return the matcher's reason: what a run has changed, without anything that names a record."""
    query = (
        select(runs.c.round, runs.c.ended, agreements.c.version)
        .join(agreements, agreements.c.digest == runs.c.agreement)
        .where(runs.c.id == run)
    )
    row = connection.execute(query).one()
    later = row.version != agreement.agreement.version
    under = f" under version {row.version} of the agreement" if later else ""
    ended = datetime.fromtimestamp(row.ended, UTC)
    counts = Counter(change for fate in fates.values() for change in fate.changes)
    words = {
        SPLIT: "split {:,} of its clusters",
        MERGED: "merged {:,} with others",
        ERASED: "shown records of {:,} to be erased",
    }
    said = [words[change].format(counts[change]) for change in words if counts[change]]
    return (
        f"The run of round {row.round}{under} that ended on {ended.day} {ended:%B %Y} has "
        f"{', '.join(said)}."
    )


def _is_due(stored: Stored, run: str) -> bool:
    return stored.state in IN_USE and stored.compared != run and stored.data == "kept"


def _run_of(connection: Connection, evidence: str) -> str:
    query = select(cluster_evidence.c.run).where(cluster_evidence.c.digest == evidence)
    return str(connection.execute(query).scalar_one())


def _erased(content: bytes | None) -> set[Record]:
    """Return the records that a run knows to be erased: tombstones.parquet."""
    if content is None:
        return set()
    table = pq.read_table(io.BytesIO(content))
    agencies, tokens = (table[name].to_pylist() for name in ("agency", "record_token"))
    return set(zip(agencies, tokens, strict=True))


def _note(connection: Connection, id_: str, run: str) -> None:
    connection.execute(update(disclosures).where(disclosures.c.id == id_).values(compared=run))
