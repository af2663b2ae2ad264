"""Cohorts as the endpoints ask for them: pulled, listed, read, and named in evidence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from linkage.errors import ConflictError, InputError, MissingError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import encode_base64
from linkage.protocol.cohort.messages import PayloadManifest, verify_cohort
from linkage.protocol.cohort.people_map import PSEUDONYM_BYTES
from linkage.protocol.cohort.replies import CohortEntry, CohortFile, CohortList
from linkage.protocol.disclosure.replies import EvidenceRequest
from matcher.agreements.standings import Recent
from matcher.cohorts import cohort_rows as rows
from matcher.cohorts import payload_rows
from matcher.cohorts.cohort_rows import StoredCohort
from matcher.cohorts.mapping import cohort_names
from matcher.cohorts.payload_rows import Payload, Slot
from matcher.cohorts.pulling import Pulling
from matcher.disclosures.finished import FinishedRuns, require_newest
from matcher.ledger.ledger import Ledger
from matcher.objects.objects import Objects
from matcher.objects.verified import read_verified
from matcher.store.database import Database

_CODE = f"S{PSEUDONYM_BYTES}"
_MOST_OPEN = 8
"""How many cohorts' verified manifests stay in memory: those whose pieces are being fetched."""


class Cohorts:
    """The cohorts in a database. An analyst sees its own, and nobody else what is in them."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        objects: Objects,
        finished: FinishedRuns,
        pulling: Pulling,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._objects = objects
        self._finished = finished
        self._pulling = pulling
        self._manifests: Recent[str, dict[str, PayloadManifest]] = Recent(_MOST_OPEN)

    def pull(self, agreement: Agreement, analyst: str, content: bytes) -> CohortEntry:
        """Make a cohort; see `Pulling.pull`."""
        return self._pulling.pull(agreement, analyst, content)

    def visible(self, agreement: Agreement, party: str) -> CohortList:
        """Return an analyst's own cohorts, or all of them to whoever audits, the newest first."""
        auditor = party in agreement.names("dpo")
        with self._database.reading() as connection:
            found = rows.listed(connection, agreement.digest(), None if auditor else party)
        return CohortList(found)

    def file(self, agreement: Agreement, analyst: str, cohort: str) -> CohortFile:
        """Return what the analyst verifies a cohort by; raises `MissingError`, `PolicyError`."""
        found = self._kept(agreement, analyst, cohort)
        logged = self._ledger.receipt(found.leaf)
        return CohortFile(
            cohort=encode_base64(found.cohort),
            request=encode_base64(found.asked),
            event=encode_base64(logged.event),
            leaf=logged.leaf,
            proof=tuple(map(encode_base64, logged.proof)),
            checkpoint=encode_base64(logged.checkpoint),
        )

    def people_map(self, agreement: Agreement, analyst: str, cohort: str) -> bytes:
        """Return a cohort's map, as its digest says; raises `MissingError`, `PolicyError`."""
        found = self._kept(agreement, analyst, cohort)
        return read_verified(self._objects, found.map_key, found.map, "The map of the cohort")

    def piece(
        self, agreement: Agreement, analyst: str, cohort: str, agency: str, number: int
    ) -> bytes:
        """Return a sealed piece of an agency's payload that belongs to a cohort.

        Raises `MissingError` where the cohort has none of that agency or number, `PolicyError` once
        it is erased.
        """
        found = self._kept(agreement, analyst, cohort)
        # It never changes, and a fetch of all pieces asks a thousand times.
        manifests = self._manifests.get(
            found.id, lambda: verify_cohort(found.cohort, "A stored cohort", agreement)[1]
        )
        manifest = manifests.get(agency)
        if manifest is None or not number < len(manifest.pieces):
            raise MissingError(f"The cohort {cohort[:8]} has no piece {number} of {agency!r}.")
        payload = self._payload(agreement, agency, manifest)
        sha256 = manifest.pieces[number]
        key = payload.key(number, sha256)
        return read_verified(self._objects, key, sha256, "A piece of a payload")

    def resolved(self, agreement: Agreement, party: str, asked: EvidenceRequest) -> EvidenceRequest:
        """Return a request for evidence by the run's pseudonyms, if it is by those of a cohort.

        They come in their own order, so that nobody learns from it which is which. Raises
        `MissingError` for another's cohort or a pseudonym that isn't in it, `ConflictError` unless
        the cohort is of the newest run.
        """
        if asked.cohort is None:
            return asked
        if list(asked.clusters) != sorted(set(asked.clusters)):
            raise InputError("The people are not in order, or one stands twice; sort them.")
        found = self._kept(agreement, party, asked.cohort)
        assert found.key is not None
        with self._database.reading() as connection:
            newest = require_newest(connection, found.agreement)
        if newest != found.run:
            raise ConflictError(
                f"The cohort {found.id[:8]} is of an earlier run than the newest; pull a new one, "
                "and choose its people again."
            )
        clusters = self._finished.clusters(found.agreement, found.run)
        names, order = _sorted(cohort_names(found.key, clusters))
        wanted = np.array([bytes.fromhex(own) for own in asked.clusters], _CODE)
        at = np.minimum(np.searchsorted(names, wanted), max(0, len(names) - 1))
        if not len(names) or not np.all(names[at] == wanted):
            raise MissingError("One of these people isn't in the cohort; name those that are.")
        return replace(
            asked, clusters=tuple(sorted(clusters.name(int(one)) for one in order[at])), cohort=None
        )

    def _kept(self, agreement: Agreement, analyst: str, cohort: str) -> StoredCohort:
        with self._database.reading() as connection:
            found = rows.require(connection, agreement.digest(), analyst, cohort)
        return rows.require_kept(found)

    def _payload(self, agreement: Agreement, agency: str, manifest: PayloadManifest) -> Payload:
        slot = Slot(agreement.digest(), manifest.round, agency, manifest.analyst)
        with self._database.reading() as connection:
            found = payload_rows.find(connection, slot)
        if found is None or found.state != "committed":
            raise MissingError(
                f"The payload of {agency!r} is erased, as the agreement asks "
                "(retention.payload_days); pull a new cohort."
            )
        return found


def _sorted(
    names: np.ndarray[tuple[int], np.dtype[np.bytes_]],
) -> tuple[np.ndarray[tuple[int], np.dtype[np.bytes_]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    order = np.argsort(names)
    return names[order], order
