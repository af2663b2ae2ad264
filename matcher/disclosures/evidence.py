"""What the matcher says of clusters: the page from which to choose, and signed evidence on some.

Which records an agency holds of a cluster is committed to here, before anybody approves, and told
to that agency alone, after the quorum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, insert, select

from linkage.errors import InputError, MissingError, NotReadyError, PolicyError
from linkage.protocol.agreement import Agreement
from linkage.protocol.disclosure.messages import (
    ClusterEvidence,
    Evidence,
    Holding,
    digest_of,
    sign_message,
)
from linkage.protocol.disclosure.replies import ClusterEntry, ClusterPage
from linkage.protocol.keys import Identity
from linkage.protocol.sections.disclosure import Disclosure
from matcher.agreements.marks import Marks, read_marks
from matcher.agreements.once import lock_agreement
from matcher.disclosures.clusters import RunClusters, is_protected
from matcher.disclosures.finished import FinishedRuns, require_newest
from matcher.disclosures.holdings import Held, forget_held, held_of, store_held
from matcher.disclosures.households import households
from matcher.ledger.about import operator_of
from matcher.store.database import Database
from matcher.store.tables import cluster_evidence, disclosures

PAGE = 1000
MOST_UNUSED = 20
"""How much evidence a party may have that nobody has proposed anything on; older is forgotten."""
_MOST_HOUSEHOLD = 1000

Own = Callable[[Agreement], Identity | None]
"""Gives the matcher's identity in an agreement, None where it doesn't hold that key."""


class ClusterDesk:
    """Tells of the clusters of the newest run, as far as the agreement lets them be proposed."""

    def __init__(
        self, database: Database, finished: FinishedRuns, own: Own, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._finished = finished
        self._own = own
        self._clock = clock

    def page(self, agreement: Agreement, after: str | None) -> ClusterPage:
        """Return the clusters after a pseudonym that may be proposed, at most `PAGE`.

        Raises `NotReadyError` before a run has finished.
        """
        terms = disclosure_of(agreement)
        clusters, marks = self._newest(agreement)
        rules = clusters.allowed_by(terms)
        chosen = _chosen(rules, clusters.after(after))
        found: list[ClusterEntry] = []
        for number in chosen.tolist():
            if terms.protected_quorum is None and is_protected(clusters, number, marks):
                continue
            if len(found) == PAGE:
                return ClusterPage(clusters.run, tuple(found), more=True)
            found.append(_entry(clusters, number, rules))
        return ClusterPage(clusters.run, tuple(found), more=False)

    def evidence(self, agreement: Agreement, party: str, names: tuple[str, ...]) -> bytes:
        """Return signed evidence on clusters of the newest run, stored with what it commits to.

        Raises `MissingError` where one isn't there or no rule lets it be proposed, which is not
        told apart, and `NotReadyError` where the matcher doesn't hold its party's keys.
        """
        terms, own = disclosure_of(agreement), require_identity(agreement, self._own)
        if list(names) != sorted(set(names)):
            raise InputError("The clusters are not in order, or one stands twice; sort them.")
        if len(names) > terms.most_batch:
            raise PolicyError(
                f"{len(names):,} clusters are more than {terms.most_batch:,} "
                "(disclosure.most_batch); ask for fewer."
            )
        clusters, marks = self._newest(agreement)
        numbers = _proposable(clusters, terms, marks, names)
        hidden = [one for number in numbers for one in held_of(clusters, number)]
        found = self._made(agreement, clusters, numbers, hidden, marks)
        content = sign_message(found, own)
        self._store(agreement, party, clusters.run, content, hidden)
        return content

    def _newest(self, agreement: Agreement) -> tuple[RunClusters, Marks]:
        with self._database.reading() as connection:
            run = require_newest(connection, agreement.digest())
            marks = read_marks(connection, agreement)
        return self._finished.clusters(agreement.digest(), run), marks

    def _made(
        self,
        agreement: Agreement,
        clusters: RunClusters,
        numbers: list[int],
        hidden: list[Held],
        marks: Marks,
    ) -> Evidence:
        outcome = self._finished.outcome(clusters.run)
        if outcome is None:
            raise NotReadyError("The newest run was erased meanwhile; wait for another.")
        hints = self._finished.file(clusters.run, "hints.parquet")
        near = households(hints, clusters, numbers)
        holders: dict[str, list[Holding]] = {}
        for one in hidden:
            holders.setdefault(one.cluster, []).append(one.committed())
        return Evidence(
            agreement.digest(),
            agreement.agreement.epoch,
            clusters.run,
            outcome.digest(),
            tuple(
                ClusterEvidence(
                    clusters.name(number),
                    clusters.least_probability(number),
                    tuple(holders[clusters.name(number)]),
                    is_protected(clusters, number, marks),
                    _names(clusters, near.get(number, frozenset())),
                )
                for number in numbers
            ),
        )

    def _store(
        self, agreement: Agreement, party: str, run: str, content: bytes, hidden: list[Held]
    ) -> None:
        digest, evidence = agreement.digest(), digest_of(content)
        with self._database.writing() as connection:
            lock_agreement(connection, digest)
            _forget_unused(connection, digest, party)
            connection.execute(
                insert(cluster_evidence).values(
                    digest=evidence,
                    agreement=digest,
                    run=run,
                    party=party,
                    made=int(self._clock().timestamp()),
                    content=content,
                )
            )
            store_held(connection, evidence, hidden)


def disclosure_of(agreement: Agreement) -> Disclosure:
    """Return the agreement's terms of disclosure; raises `PolicyError` where it has none."""
    if agreement.disclosure is None:
        raise PolicyError(
            f"The agreement {agreement.agreement.id!r} has no [disclosure], so nobody is named to "
            "anybody."
        )
    return agreement.disclosure


def require_identity(agreement: Agreement, own: Own) -> Identity:
    """Return the matcher's identity in an agreement; raises `NotReadyError` without its key."""
    found = own(agreement)
    if found is None:
        name = operator_of(agreement)
        raise NotReadyError(
            f"This matcher doesn't hold the keys of {name!r}, its party in the agreement, so it "
            "can sign no evidence; its operator puts those of 'matcher identity' into the next "
            "version."
        )
    return found


def _chosen(rules: Mapping[str, NDArray[np.bool_]], first: int) -> NDArray[np.int64]:
    if not rules:
        return np.empty(0, np.int64)
    return first + np.flatnonzero(np.logical_or.reduce(list(rules.values()))[first:])


def _entry(
    clusters: RunClusters, number: int, rules: Mapping[str, NDArray[np.bool_]]
) -> ClusterEntry:
    held = clusters.held(number)
    return ClusterEntry(
        clusters.name(number),
        tuple(held),
        sum(map(len, held.values())),
        clusters.least_probability(number),
        tuple(name for name, allowed in rules.items() if allowed[number]),
    )


def _proposable(
    clusters: RunClusters, terms: Disclosure, marks: Marks, names: tuple[str, ...]
) -> list[int]:
    """Return the numbers of clusters by name, all of which may be proposed by some rule."""
    rules = clusters.allowed_by(terms)
    numbers = []
    for name in names:
        number = clusters.find(name)
        if (
            number is None
            or not any(allowed[number] for allowed in rules.values())
            or (terms.protected_quorum is None and is_protected(clusters, number, marks))
        ):
            raise MissingError(
                f"{name[:8]} is no cluster of the newest run that a rule lets be proposed; choose "
                "from those of 'agency-client disclosures clusters'."
            )
        numbers.append(number)
    return numbers


def _names(clusters: RunClusters, numbers: frozenset[int]) -> tuple[str, ...]:
    return tuple(sorted(map(clusters.name, numbers))[:_MOST_HOUSEHOLD])


def _forget_unused(connection: Connection, agreement: str, party: str) -> None:
    """Delete a party's evidence that is in no proposal, but for the newest."""
    used = select(disclosures.c.evidence).where(disclosures.c.agreement == agreement)
    query = (
        select(cluster_evidence.c.digest)
        .where(
            cluster_evidence.c.agreement == agreement,
            cluster_evidence.c.party == party,
            cluster_evidence.c.digest.not_in(used),
        )
        .order_by(cluster_evidence.c.made.desc(), cluster_evidence.c.digest)
        .offset(MOST_UNUSED - 1)
    )
    for digest in connection.execute(query).scalars().all():
        forget_held(connection, digest)
        connection.execute(delete(cluster_evidence).where(cluster_evidence.c.digest == digest))
