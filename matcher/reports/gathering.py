"""Gathering what the report of a run tells, from the database, the store of objects and the log."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, func, select

from linkage.errors import NotReadyError
from linkage.protocol.agreement import Agreement
from linkage.protocol.upload import leakage_of
from matcher.agreements.standings import signatures
from matcher.reports.facts import Outcome, Received, RefusedUpload, RunFacts
from matcher.reports.sources import ReportSources
from matcher.runs.chosen import RunInputs, parse_inputs
from matcher.runs.service import RunView
from matcher.store.tables import committed_uploads, lookups, runs, uploads


def gather_facts(sources: ReportSources, agreement: str, run: str) -> RunFacts:
    """Return what there is to tell of a finished run of an agreement, by its digest.

    Raises `MissingError` where there is no such run, `NotReadyError` where it hasn't finished.
    """
    view = sources.runs.one(agreement, run)
    if view.state != "finished":
        raise NotReadyError(f"The run {run} is {view.state}; there is a report once it finished.")
    with sources.database.reading() as connection:
        agreed = sources.standings.agreement(connection, agreement)
        standing = sources.standings.standing(connection, agreement)
        signed = signatures(connection, agreement)
        inputs = _inputs(connection, run)
        received, refused = _received(connection, inputs), _refused(connection, view)
        asked = _lookups(connection, run)
    told = sources.disclosures.of_run(agreed, run)
    return RunFacts(
        agreement=agreed,
        standing=standing,
        signatures={name: _digest(content) for name, content in signed.items()},
        run=view,
        inputs=inputs.digest(),
        received=received,
        refused=refused,
        outcome=_outcome(sources, agreed, run),
        disclosures=told,
        lookups=asked,
        # Last, so that it counts every event about what is told.
        head=sources.ledger.head(),
    )


def _inputs(connection: Connection, run: str) -> RunInputs:
    content = connection.execute(select(runs.c.inputs).where(runs.c.id == run)).scalar_one()
    return parse_inputs(bytes(content), run)


def _received(connection: Connection, inputs: RunInputs) -> tuple[Received, ...]:
    of = committed_uploads.c
    query = select(of.upload, of.committed, of.leaf, of.manifest, uploads.c.state).join(
        uploads, uploads.c.id == of.upload
    )
    chosen = {upload.upload: upload for upload in inputs.uploads}
    rows = connection.execute(query.where(of.upload.in_(chosen)).order_by(of.agency))
    return tuple(
        Received(
            chosen[row.upload],
            row.committed,
            row.leaf,
            row.state in ("erasing", "erased"),
            leakage_of(bytes(row.manifest)),
        )
        for row in rows
    )


def _refused(connection: Connection, view: RunView) -> tuple[RefusedUpload, ...]:
    of = uploads.c
    query = (
        select(of.agency, of.round, of.refusal)
        .where(of.agreement == view.agreement, of.state == "refused", of.round <= view.round)
        .order_by(of.round, of.agency, of.opened, of.id)
    )
    return tuple(
        RefusedUpload(row.agency, row.round, row.refusal or "") for row in connection.execute(query)
    )


def _lookups(connection: Connection, run: str) -> int:
    query = select(func.count()).select_from(lookups).where(lookups.c.run == run)
    return int(connection.execute(query).scalar_one())


def _outcome(sources: ReportSources, agreement: Agreement, run: str) -> Outcome | None:
    kept = sources.finished.outcome(run)
    if kept is None:
        return None
    return Outcome(kept.digest(), sources.desk.about(agreement.digest(), run))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
