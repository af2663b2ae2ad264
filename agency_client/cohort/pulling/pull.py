"""Pulling a cohort: asked for, fetched, every part of it verified, and opened."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agency_client.cohort.pulling.building import Parts, build_tables
from agency_client.cohort.pulling.checking import require_agreed_terms, require_same_people
from agency_client.cohort.pulling.directory import refuse_unusable_folder, write_cohort
from agency_client.cohort.pulling.facts import facts_of
from agency_client.disclosures.office import require_plain
from agency_client.matcher_api.cohorts import CohortsApi
from linkage.errors import InputError, PolicyError, VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.cohort.messages import (
    CohortRequest,
    PayloadManifest,
    digest_of,
    require_agreed,
    sign_cohort_request,
)
from linkage.protocol.cohort.payload import open_payload
from linkage.protocol.cohort.people_map import PeopleMap, parse_map
from linkage.protocol.cohort.replies import CohortEntry
from linkage.protocol.cohort.tables import PayloadTables
from linkage.protocol.keys import Identity
from linkage.protocol.sections.payload import Payload
from linkage.pulled import VerifiedCohort, verify_cohort_file


@dataclass(frozen=True)
class Reasons:
    """What a cohort is for; ``reason`` stands in the log, ``reference`` doesn't."""

    purpose: str
    reference: str
    reason: str


@dataclass(frozen=True)
class Written:
    """A cohort that was written, and how many rows its tables have."""

    verified: VerifiedCohort
    rows: dict[str, int]


@dataclass(frozen=True)
class Pull:
    """An analyst at work under one agreement, on a connection to its matcher."""

    api: CohortsApi
    agreement: Agreement
    own: Identity
    progress: Callable[[str], None]

    @property
    def payload(self) -> Payload:
        """What may travel; raises `PolicyError` where the agreement has nothing for analysts."""
        if self.agreement.payload is None:
            raise PolicyError(
                f"The agreement {self.agreement.agreement.id!r} has no [payload], so there are no "
                "cohorts."
            )
        return self.agreement.payload

    def request(self, reasons: Reasons, at: int) -> CohortRequest:
        """Return the request that would be made at POSIX seconds ``at``.

        Raises `PolicyError` where the agreement doesn't allow it, `InputError` for words that may
        not stand in the log.
        """
        terms = self.agreement.agreement
        reference = " ".join(reasons.reference.split())
        if not 0 < len(reference) <= 200 or not reference.isprintable():
            raise InputError("The reference is the analysis or meeting, in 1 to 200 characters.")
        request = CohortRequest(
            agreement=self.agreement.digest(),
            epoch=terms.epoch,
            purpose=reasons.purpose,
            reference=reference,
            reason=require_plain(reasons.reason, "reason"),
            at=at,
        )
        require_agreed(self.agreement, request)
        return request

    def ask(self, request: CohortRequest) -> CohortEntry:
        """Have the matcher make the cohort, and log that it did."""
        return self.api.request(sign_cohort_request(request, self.own))

    def write(self, cohort: str, folder: Path) -> Written:
        """Fetch a cohort, verify all of it, and write its directory in one step.

        Raises `VerificationError` where anything doesn't hold; then nothing is written.
        """
        refuse_unusable_folder(folder)
        self.progress("fetching the cohort")
        verified = self._verified(cohort)
        people = self._map(verified)
        payloads = {
            agency: self._opened(cohort, agency, manifest)
            for agency, manifest in verified.payloads.items()
        }
        self.progress("building the tables")
        self._require_records(verified, people)
        require_same_people(people, payloads)
        tables = build_tables(Parts(people, payloads, self.payload))
        self.progress("writing the directory")
        write_cohort(folder, tables, facts_of(verified, self.agreement), self.payload)
        return Written(verified, {name: own.num_rows for name, own in tables.items()})

    def _verified(self, cohort: str) -> VerifiedCohort:
        source, connection = f"The cohort {cohort[:8]}", self.api.connection
        file, log = self.api.file(cohort), connection.place.log_key
        found = verify_cohort_file(file, source, self.agreement, self.own.name, log)
        if found.cohort.id != cohort:
            raise VerificationError(f"{source} came as another one; ask the matcher's operator.")
        connection.hold_against(found.note)
        return found

    def _map(self, verified: VerifiedCohort) -> PeopleMap:
        content = self.api.map(verified.cohort.id)
        if hashlib.sha256(content).hexdigest() != verified.cohort.map:
            raise VerificationError(
                "The map isn't the one that the log tells of; ask for it again."
            )
        return parse_map(content, "The map")

    def _opened(self, cohort: str, agency: str, manifest: PayloadManifest) -> PayloadTables:
        self.progress(f"opening the payload of {agency}")
        pieces = []
        for number, digest in enumerate(manifest.pieces):
            piece = self.api.piece(cohort, agency, number)
            if digest_of(piece) != digest:
                raise VerificationError(
                    f"Piece {number} of the payload of {agency!r} isn't what {agency!r} has "
                    "signed; ask for it again, and tell the matcher's operator."
                )
            pieces.append(piece)
        tables = open_payload(self.agreement, agency, manifest, pieces, self.own)
        require_agreed_terms(agency, tables, self.payload)
        return tables

    @staticmethod
    def _require_records(verified: VerifiedCohort, people: PeopleMap) -> None:
        """Raise unless the map has as many records of each agency as the matcher has signed."""
        counted = people.records.group_by("agency").aggregate([([], "count_all")]).to_pylist()
        found = {row["agency"]: row["count_all"] for row in counted}
        told = {own.agency: own.records for own in verified.cohort.agencies if own.records}
        if found != told:
            raise VerificationError(
                "The map has other records than the matcher says were linked; use none of it, and "
                "tell the matcher's operator."
            )
