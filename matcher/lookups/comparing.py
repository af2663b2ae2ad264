"""What the worker does for lookups: compare each with the records of the newest finished run.

A lookup is compared once with each newest run. Two workers share the lookups by a mark that says
until when one of them is at it; if that one dies, the mark runs out and another compares anew,
which comes to the same. Nothing is written but the whole outcome, in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import IO

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update

from linkage.encodings import GroupLayout, opened_encodings, words_of
from linkage.protocol.agreement import Agreement
from linkage.protocol.lookups.record import EncodedPerson, parse_person
from linkage.protocol.lookups.replies import MOST_MATCHES, matches_text
from linkage.recognition import Judge, likeliest, recognise
from matcher.agreements.marks import Marks, read_marks
from matcher.agreements.standings import Standings
from matcher.lookups.judges import read_erased, read_judge
from matcher.objects.objects import Objects
from matcher.objects.verified import require_stored
from matcher.runs.chosen import ChosenUpload, parse_inputs
from matcher.runs.finished import RunOutcome, parse_outcome
from matcher.runs.newest import newest_run
from matcher.runs.tombstones import Tombstones
from matcher.store.database import Database
from matcher.store.tables import lookup_matches, lookups, runs, uploads

OpenUpload = Callable[[str], AbstractContextManager[IO[bytes]]]
"""Opens the whole file of a committed upload, by the upload's id."""
BUSY_SECONDS = 120
"""How long a worker has for one lookup before another takes it over."""


@dataclass(frozen=True)
class _Work:
    """A lookup to compare with a run: its asker and encoding, the run's uploads, and all marks."""

    lookup: str
    asker: str
    encoding: bytes
    agreement: Agreement
    run: str
    outcome: RunOutcome
    uploads: tuple[ChosenUpload, ...]
    marks: Marks


@dataclass(frozen=True)
class _Learnt:
    """What is kept of the run that was compared with last."""

    run: str
    judge: Judge
    erased: Tombstones


class Comparing:
    """Compares lookups; ``open_upload`` and ``objects`` hold what the runs have read and stored."""

    def __init__(
        self,
        database: Database,
        objects: Objects,
        open_upload: OpenUpload,
        standings: Standings,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._objects = objects
        self._open_upload = open_upload
        self._standings = standings
        self._clock = clock
        self._learnt: _Learnt | None = None

    def compare_next(self) -> bool:
        """Compare a lookup that waits for it; returns whether there was one."""
        work = self._take()
        if work is None:
            return False
        learnt = self._learn(work)
        person = parse_person(work.agreement.scheme, work.encoding, "A stored encoding")
        found = {
            chosen.agency: self._matches(work, learnt, person, chosen) for chosen in work.uploads
        }
        if _is_protected(found, work.marks):
            found = {name: [] for name in found}
        self._store(work, {name: own for name, own in found.items() if name != work.asker})
        return True

    def _take(self) -> _Work | None:
        now = int(self._clock().timestamp())
        with self._database.reading() as connection:
            if not _waiting(connection, now):
                return None
        with self._database.writing() as connection:
            for lookup, run in _waiting(connection, now):
                mark = update(lookups).where(lookups.c.id == lookup, _is_free(now))
                if connection.execute(mark.values(busy=now + BUSY_SECONDS)).rowcount:
                    return self._work(connection, lookup, run)
        return None

    def _work(self, connection: Connection, lookup: str, run: str) -> _Work:
        asked = connection.execute(select(lookups).where(lookups.c.id == lookup)).one()
        own = connection.execute(select(runs).where(runs.c.id == run)).one()
        there = select(uploads.c.id).where(
            uploads.c.agreement == asked.agreement, uploads.c.state == "committed"
        )
        kept = set(connection.execute(there).scalars())
        chosen = parse_inputs(own.inputs, run).uploads
        agreement = self._standings.agreement(connection, asked.agreement)
        return _Work(
            lookup,
            asked.asker,
            asked.encoding,
            agreement,
            run,
            parse_outcome(own.outcome, run),
            tuple(one for one in chosen if one.upload in kept),
            read_marks(connection, agreement),
        )

    def _learn(self, work: _Work) -> _Learnt:
        if self._learnt is None or self._learnt.run != work.run:
            judge = read_judge(self._objects, work.outcome, work.run)
            self._learnt = _Learnt(work.run, judge, read_erased(self._objects, work.outcome))
        return self._learnt

    def _matches(
        self, work: _Work, learnt: _Learnt, person: EncodedPerson, chosen: ChosenUpload
    ) -> list[bytes]:
        """Return an agency's matching tokens, the likeliest first."""
        name = f"The upload {chosen.upload} of {chosen.agency}"
        layout = tuple(GroupLayout(own.name, own.length) for own in work.agreement.scheme.group)
        bits, present = bits_of(person, layout), np.array(person.present, np.bool_)
        erased = learnt.erased.of(chosen.agency)
        with self._open_upload(chosen.upload) as file:
            require_stored(file, chosen.sha256, name)
            with opened_encodings(file, name) as reader:
                found = [
                    recognise(learnt.judge, bits, present, rows.without(erased))
                    for rows in reader.batches()
                ]
        clean = work.agreement.is_clean(chosen.agency)
        return likeliest(found, MOST_MATCHES, clean=clean)

    def _store(self, work: _Work, found: dict[str, list[bytes]]) -> None:
        """Store the outcome for every agency that was compared, unless the lookup was closed."""
        with self._database.writing() as connection:
            query = select(lookups.c.state).where(lookups.c.id == work.lookup).with_for_update()
            if connection.execute(query).scalar_one() != "lodged":
                return
            connection.execute(delete(lookup_matches).where(lookup_matches.c.lookup == work.lookup))
            rows = [
                {"lookup": work.lookup, "agency": agency, "tokens": matches_text(tokens)}
                for agency, tokens in found.items()
            ]
            if rows:
                connection.execute(insert(lookup_matches), rows)
            done = update(lookups).where(lookups.c.id == work.lookup)
            connection.execute(done.values(run=work.run, busy=None))


def _is_protected(found: Mapping[str, list[bytes]], marks: Marks) -> bool:
    """Whether any agency has marked a record that may be meant: then nobody's record is told."""
    return any(not marks.get(name, frozenset()).isdisjoint(own) for name, own in found.items())


def _waiting(connection: Connection, now: int) -> list[tuple[str, str]]:
    """Return the open lookups that weren't compared with the newest run, and that run."""
    query = (
        select(lookups.c.id, lookups.c.agreement, lookups.c.run)
        .where(lookups.c.state == "lodged", lookups.c.until > now, _is_free(now))
        .order_by(lookups.c.lodged, lookups.c.id)
    )
    found = connection.execute(query).all()
    newest = {digest: newest_run(connection, digest) for digest in {row.agreement for row in found}}
    return [
        (row.id, run)
        for row in found
        if (run := newest[row.agreement]) is not None and run != row.run
    ]


def _is_free(now: int) -> ColumnElement[bool]:
    return or_(lookups.c.busy.is_(None), lookups.c.busy <= now)


def bits_of(person: EncodedPerson, layout: tuple[GroupLayout, ...]) -> NDArray[np.uint64]:
    """Return a person's bits as encodings have them, uint64 (groups, words)."""
    bits = np.zeros((len(layout), words_of(layout)), np.uint64)
    for group, content in enumerate(person.groups):
        words = np.frombuffer(content, "<u8")
        bits[group, : len(words)] = words
    return bits
