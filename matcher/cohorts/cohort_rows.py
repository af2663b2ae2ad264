"""What the database knows of cohorts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from pydantic import TypeAdapter
from sqlalchemy import Connection, RowMapping, delete, func, insert, select

from linkage.errors import MissingError, PolicyError
from linkage.protocol.canonical import canonical_json, parse_message
from linkage.protocol.cohort.replies import CohortEntry
from linkage.protocol.settings import settings
from matcher.objects.keys import map_key
from matcher.store.tables import cohort_drafts, cohorts

_ENTRY = TypeAdapter(CohortEntry)


@dataclass(frozen=True, repr=False)
class StoredCohort:
    """A cohort: the signed messages that made it, its map's digest, and its key until erased."""

    id: str
    agreement: str
    analyst: str
    request: str
    asked: bytes
    cohort: bytes
    summary: bytes
    run: str
    map: str
    key: bytes | None
    leaf: int
    pulled: int
    data: Literal["kept", "erasing", "erased"]

    def __repr__(self) -> str:
        return f"StoredCohort({self.id[:8]}, {self.data})"

    @property
    def map_key(self) -> str:
        """The key of the object that its map is."""
        return map_key(self.id, self.map)

    @property
    def entry(self) -> CohortEntry:
        """What a list tells of it."""
        return _entry(self.summary, self.data)


def summary_of(entry: CohortEntry) -> bytes:
    """Return what is stored for lists."""
    return canonical_json(settings(entry))


def by_request(connection: Connection, request: str) -> StoredCohort | None:
    """Return the cohort of a signed request, by its digest."""
    query = select(cohorts).where(cohorts.c.request == request)
    found = connection.execute(query).mappings().one_or_none()
    return None if found is None else _stored(found)


def require(connection: Connection, agreement: str, analyst: str, cohort: str) -> StoredCohort:
    """Return an analyst's own cohort; `MissingError` alike for what is another's or isn't."""
    query = select(cohorts).where(cohorts.c.id == cohort)
    found = connection.execute(query).mappings().one_or_none()
    if found is None or (found["agreement"], found["analyst"]) != (agreement, analyst):
        raise MissingError(f"You have no cohort {cohort[:8]} here; pull one.")
    return _stored(found)


def require_kept(found: StoredCohort) -> StoredCohort:
    """Raise `PolicyError` for a cohort that is erased."""
    if found.data != "kept":
        raise PolicyError(
            f"The cohort {found.id[:8]} is erased, as the agreement asks (retention.payload_days); "
            "pull another if its purpose still holds."
        )
    return found


def listed(connection: Connection, agreement: str, analyst: str | None) -> tuple[CohortEntry, ...]:
    """Return what a list tells of an agreement's cohorts, or of one analyst's, the newest first."""
    # Without the signed messages: they hold every payload's manifest.
    query = select(cohorts.c.summary, cohorts.c.data).where(cohorts.c.agreement == agreement)
    if analyst is not None:
        query = query.where(cohorts.c.analyst == analyst)
    found = connection.execute(query.order_by(cohorts.c.leaf.desc()))
    return tuple(_entry(bytes(row.summary), row.data) for row in found)


def count_kept(connection: Connection, agreement: str, analyst: str) -> int:
    """Return how many cohorts of an analyst are kept."""
    query = select(func.count()).where(
        cohorts.c.agreement == agreement, cohorts.c.analyst == analyst, cohorts.c.data == "kept"
    )
    return int(connection.execute(query).scalar_one())


def add(connection: Connection, cohort: StoredCohort) -> None:
    """Store a cohort, whose map was stored before under its draft."""
    connection.execute(insert(cohorts).values(**cohort.__dict__))
    forget_draft(connection, cohort.id)


def add_draft(connection: Connection, cohort: str, now: int) -> None:
    """Note that objects of a cohort to come are about to be stored."""
    connection.execute(insert(cohort_drafts).values(id=cohort, begun=now))


def forget_draft(connection: Connection, cohort: str) -> bool:
    """Forget a draft; returns whether there was one."""
    gone = delete(cohort_drafts).where(cohort_drafts.c.id == cohort)
    return connection.execute(gone).rowcount == 1


def _entry(summary: bytes, data: str) -> CohortEntry:
    found: CohortEntry = parse_message(_ENTRY, summary, "A stored cohort")
    return replace(found, state="kept" if data == "kept" else "erased")


def _stored(row: RowMapping) -> StoredCohort:
    own = dict(row)
    for name in ("asked", "cohort", "summary", "key"):
        own[name] = None if own[name] is None else bytes(own[name])
    return StoredCohort(**own)
