"""From an analyst's request to a cohort: the map is stored, then all that follows is one change.

1. What may be refused is refused: the request, the agreement, the time, too many cohorts.
2. A draft is noted, so that a map whose process was killed is found and deleted.
3. The map is made and stored, and the matcher signs what it says.
4. In one transaction the cohort is stored and the log says who has pulled it, and why.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from linkage.audit.events import Event
from linkage.errors import NotReadyError, PolicyError, VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import encode_base64
from linkage.protocol.cohort.messages import (
    Cohort,
    CohortAgency,
    CohortRequest,
    PairEstimate,
    digest_of,
    require_agreed,
    sign_cohort,
    verify_cohort_request,
)
from linkage.protocol.cohort.people_map import map_bytes
from linkage.protocol.cohort.replies import CohortEntry
from linkage.pulled import KIND
from matcher.agreements.freshness import require_fresh
from matcher.agreements.once import Unchanged, lock_agreement
from matcher.cohorts import cohort_rows as rows
from matcher.cohorts.cohort_rows import StoredCohort, summary_of
from matcher.cohorts.mapping import KEY_BYTES, make_map
from matcher.cohorts.payload_rows import Payload, committed_for
from matcher.disclosures.clusters import RunClusters
from matcher.disclosures.evidence import Own, require_identity
from matcher.disclosures.finished import FinishedRuns, require_newest
from matcher.ledger.about import event_about
from matcher.ledger.ledger import Ledger
from matcher.objects.keys import cohort_objects, map_key
from matcher.objects.objects import Objects
from matcher.runs.chosen import RunInputs, parse_inputs
from matcher.store.database import Database
from matcher.store.tables import committed_uploads, runs

MOST_KEPT = 200
"""How many cohorts of one analyst may be kept under an agreement: each has a map of its own."""


@dataclass(frozen=True)
class _Linked:
    """A finished run, as far as a cohort is of it: ``uploads`` are the digests of manifests."""

    id: str
    round: int
    inputs: RunInputs
    uploads: dict[str, str]
    payloads: dict[str, Payload]


class Pulling:
    """Makes cohorts."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        objects: Objects,
        finished: FinishedRuns,
        own: Own,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._objects = objects
        self._finished = finished
        self._own = own
        self._clock = clock

    def pull(self, agreement: Agreement, analyst: str, content: bytes) -> CohortEntry:
        """Make the cohort that a signed request asks for; the same request gives the same again.

        Raises `VerificationError` unless it is a request under this agreement, `PolicyError` where
        that doesn't allow it or too many are kept, `InputError` for one that wasn't made now or a
        reason that names somebody, `NotReadyError` before a run has finished.
        """
        signer, request = verify_cohort_request(content, "The request", agreement)
        if signer != analyst:
            raise PolicyError(f"The request is that of {signer!r}, and {analyst!r} sent it.")
        asked = digest_of(content)
        with self._database.reading() as connection:
            found = rows.by_request(connection, asked)
        if found is None:
            require_agreed(agreement, request)
            require_fresh(request.at, self._now())
            self._event(agreement, analyst, request, {}, 0)  # refused before the work is done
            with suppress(Unchanged):
                self._make(agreement, analyst, request, content)
            with self._database.reading() as connection:
                found = rows.by_request(connection, asked)
        if found is None:
            raise NotReadyError("A run has finished just now; ask again, for its cohort.")
        return found.entry

    def _make(
        self, agreement: Agreement, analyst: str, request: CohortRequest, content: bytes
    ) -> None:
        own, id_, key = require_identity(agreement, self._own), secrets.token_hex(16), _new_key()
        with self._database.writing() as connection:
            lock_agreement(connection, agreement.digest())
            _require_few(connection, agreement, analyst)
            linked = _linked(connection, agreement.digest(), analyst)
            rows.add_draft(connection, id_, self._now())
        try:
            clusters = self._finished.clusters(agreement.digest(), linked.id)
            found = self._map(clusters, key, linked)
            sha256 = hashlib.sha256(found).hexdigest()
            said = self._said(agreement, id_, analyst, content, (clusters, linked, sha256))
            self._objects.put(map_key(id_, sha256), found)
            signed = sign_cohort(said, own)
            made = StoredCohort(
                id_, agreement.digest(), analyst, said.request, content, signed,
                summary_of(_entry(said, request, self._now())), linked.id, sha256, key, 0,
                self._now(), "kept",
            )  # fmt: skip
            self._store(agreement, request, said, made)
        except BaseException:
            self._give_up(id_)
            raise

    def _map(self, clusters: RunClusters, key: bytes, linked: _Linked) -> bytes:
        hints = self._finished.file(linked.id, "hints.parquet")
        blindings = {
            agency: own.blinding
            for agency, own in linked.payloads.items()
            if own.blinding is not None
        }
        return map_bytes(make_map(clusters, key, blindings, hints))

    def _said(
        self,
        agreement: Agreement,
        id_: str,
        analyst: str,
        content: bytes,
        made: tuple[RunClusters, _Linked, str],
    ) -> Cohort:
        clusters, linked, sha256 = made
        outcome = self._finished.outcome(linked.id)
        if outcome is None:
            raise NotReadyError("The newest run was erased meanwhile; wait for another.")
        return Cohort(
            id=id_,
            request=digest_of(content),
            agreement=agreement.digest(),
            epoch=agreement.agreement.epoch,
            round=linked.round,
            run=linked.id,
            outcome=outcome.digest(),
            analyst=analyst,
            agencies=_agencies(clusters, linked),
            estimates=_estimates(self._finished.file(linked.id, "model.json"), linked.id),
            map=sha256,
        )

    def _store(
        self, agreement: Agreement, request: CohortRequest, said: Cohort, made: StoredCohort
    ) -> None:
        digests = {"cohort": digest_of(made.cohort), "map": made.map, "request": made.request}
        agencies = sum(own.payload is not None for own in said.agencies)
        with self._ledger.recording() as recording:
            connection = recording.connection
            lock_agreement(connection, made.agreement)
            taken = rows.by_request(connection, made.request) is not None
            if taken or require_newest(connection, made.agreement) != made.run:
                raise Unchanged
            leaf = recording.append(
                self._event(agreement, made.analyst, request, digests, agencies)
            )
            rows.add(connection, replace(made, leaf=leaf))

    def _event(
        self,
        agreement: Agreement,
        analyst: str,
        request: CohortRequest,
        digests: dict[str, str],
        agencies: int,
    ) -> Event:
        return event_about(
            agreement,
            KIND,
            analyst,
            self._clock(),
            recipients=(analyst,),
            counts={"agencies": agencies},
            digests=digests,
            justification=request.reason,
        )

    def _give_up(self, id_: str) -> None:
        """Delete what was stored for a cohort that didn't come to be."""
        self._objects.delete_below(cohort_objects(id_))
        with self._database.writing() as connection:
            rows.forget_draft(connection, id_)

    def _now(self) -> int:
        return int(self._clock().timestamp())


def _linked(connection: Connection, agreement: str, analyst: str) -> _Linked:
    """Return the newest finished run and what has been sealed to an analyst for it."""
    id_ = require_newest(connection, agreement)
    query = select(runs.c.round, runs.c.inputs).where(runs.c.id == id_)
    round_number, content = connection.execute(query).one()
    inputs = parse_inputs(bytes(content), id_)
    of = {chosen.agency: chosen.round for chosen in inputs.uploads}
    manifests = select(committed_uploads.c.agency, committed_uploads.c.manifest).where(
        committed_uploads.c.upload.in_([chosen.upload for chosen in inputs.uploads])
    )
    uploads = {row.agency: digest_of(bytes(row.manifest)) for row in connection.execute(manifests)}
    payloads = committed_for(connection, agreement, analyst, of)
    return _Linked(id_, int(round_number), inputs, uploads, payloads)


def _agencies(clusters: RunClusters, linked: _Linked) -> tuple[CohortAgency, ...]:
    counts = [int((clusters.agency == number).sum()) for number in range(len(clusters.agencies))]
    records = dict(zip(clusters.agencies, counts, strict=True))
    found = []
    for chosen in linked.inputs.uploads:
        payload = linked.payloads.get(chosen.agency)
        manifest = payload.manifest if payload is not None else None
        found.append(
            CohortAgency(
                chosen.agency,
                chosen.round,
                linked.uploads[chosen.agency],
                records.get(chosen.agency, 0),
                None if manifest is None else encode_base64(manifest),
            )
        )
    return tuple(sorted(found, key=lambda own: own.agency))


def _estimates(content: bytes | None, run: str) -> tuple[PairEstimate, ...]:
    """Return what the run's model says of its links; raises `VerificationError` if damaged."""
    if content is None:
        return ()
    try:
        pairs = json.loads(content)["estimated_by_pair"]
        found = [_estimate(pair) for pair in pairs]
    except (ValueError, KeyError, TypeError):
        raise VerificationError(
            f"The model of the run {run} is damaged in the store; restore a backup."
        ) from None
    return tuple(sorted(found, key=lambda own: (own.agency_a, own.agency_b)))


def _estimate(pair: dict[str, Any]) -> PairEstimate:
    one, other = sorted(pair["agencies"])
    limits = pair["intervals"]
    found = PairEstimate(
        one, other, pair["precision"], recall=pair["recall"], counts_unseen=pair["counts_unseen"]
    )
    if (shares := limits["precision"]) is not None:
        found = replace(found, precision_low=shares[0], precision_high=shares[1])
    if (shares := limits["recall"]) is not None:
        found = replace(found, recall_low=shares[0], recall_high=shares[1])
    return found


def _entry(said: Cohort, request: CohortRequest, now: int) -> CohortEntry:
    return CohortEntry(
        id=said.id,
        analyst=said.analyst,
        pulled=now,
        purpose=request.purpose,
        reference=request.reference,
        round=said.round,
        run=said.run,
        agencies=tuple(own.agency for own in said.agencies if own.payload is not None),
        state="kept",
    )


def _require_few(connection: Connection, agreement: Agreement, analyst: str) -> None:
    if rows.count_kept(connection, agreement.digest(), analyst) >= MOST_KEPT:
        raise PolicyError(
            f"{analyst!r} has {MOST_KEPT} cohorts that are kept, and more aren't made; use one of "
            "them, or wait until the oldest is erased."
        )


def _new_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)
