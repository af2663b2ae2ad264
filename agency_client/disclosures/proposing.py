"""Proposing: evidence on the chosen clusters, a proposal that rests on it, and the answer to it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from agency_client.disclosures.moving import require_entered
from agency_client.disclosures.office import Office, require_plain
from agency_client.textfiles import read_text
from linkage.entries import VerifiedFile
from linkage.errors import InputError, PolicyError, VerificationError
from linkage.protocol.disclosure.history import Case, open_case, open_evidence
from linkage.protocol.disclosure.messages import (
    MOST_CLUSTERS,
    Asked,
    Proposal,
    Pseudonym,
    digest_of,
    sign_message,
)
from linkage.protocol.disclosure.replies import ClusterEntry, EvidenceRequest
from linkage.protocol.sections.disclosure import Disclosure
from linkage.protocol.signing import PartyName

_PSEUDONYM, _NAME = TypeAdapter(Pseudonym), TypeAdapter(PartyName)
_COLUMNS = ("cluster", "rule")
DAY = 86_400


@dataclass(frozen=True)
class Wish:
    """What is asked for: the rule of each cluster, for whom, why, and until when.

    With ``cohort``, the id of one, the clusters go by that cohort's pseudonyms, and have one rule.
    ``fields`` and ``recipients`` empty are all that the agreement allows, ``purpose`` None its
    only one; ``expires`` is POSIX seconds, None the longest that the agreement allows.
    """

    clusters: Mapping[str, str]
    reference: str
    necessity: str
    fields: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    purpose: str | None = None
    expires: int | None = None
    supersedes: str | None = None
    cohort: str | None = None


@dataclass(frozen=True)
class Draft:
    """A signed proposal that nobody else has seen yet, and what it would begin."""

    signed: bytes
    case: Case


def all_clusters(office: Office) -> Iterator[ClusterEntry]:
    """Yield every cluster that may be proposed, in order of pseudonyms."""
    after: str | None = None
    run = None
    while True:
        page = office.api.clusters(after)
        run = run or page.run
        names = [entry.cluster for entry in page.clusters]
        if page.run != run:
            raise InputError("A new run has finished meanwhile, with other clusters; begin again.")
        if names != sorted(set(names)) or (after and names and names[0] <= after):
            raise VerificationError("The list of clusters isn't in order; ask the operator.")
        yield from page.clusters
        if not page.more or not names:
            return
        after = names[-1]


def draft(office: Office, wish: Wish) -> Draft:
    """Return the signed proposal, after every check that others will make.

    Raises `PolicyError` with every clause that it breaks, `InputError` for what can't be read.
    """
    terms = _terms(office)
    request = EvidenceRequest(tuple(sorted(wish.clusters)), wish.cohort)
    evidence = office.api.evidence(request)
    now = office.seconds
    proposal = Proposal(
        agreement=office.agreement.digest(),
        epoch=office.agreement.agreement.epoch,
        evidence=digest_of(evidence),
        clusters=_asked(office, wish, evidence),
        fields=tuple(sorted(set(wish.fields or terms.fields))),
        recipients=tuple(sorted(set(wish.recipients or terms.recipients))),
        purpose=wish.purpose or _only_purpose(office),
        lawful_basis=office.agreement.agreement.lawful_basis or "",
        reference=_reference(wish.reference),
        necessity=require_plain(wish.necessity, "necessity"),
        proposed=now,
        expires=_expiry(office, wish, terms, now),
        supersedes=wish.supersedes,
    )
    signed = sign_message(proposal, office.own)
    return Draft(signed, open_case(office.agreement, evidence, signed))


def propose(office: Office, made: Draft) -> VerifiedFile:
    """Hand in a proposal; return it as the log has it."""
    office.api.propose(made.signed)
    return require_entered(office, made.case.digest, made.signed)


def read_clusters(path: Path) -> dict[str, str]:
    """Read a CSV file with the columns ``cluster`` and ``rule``; raises `InputError`."""
    table = csv.DictReader(io.StringIO(read_text(path)))
    if not set(_COLUMNS) <= set(table.fieldnames or ()):
        raise InputError(f"{path.name} needs the columns cluster and rule in its first line.")
    pairs = [(row["cluster"] or "", row["rule"] or "") for row in table]
    return chosen_clusters(pairs, path.name)


def chosen_clusters(pairs: list[tuple[str, str]], source: str) -> dict[str, str]:
    """Return the rule of each cluster; raises `InputError` for what are none, or stand twice."""
    found: dict[str, str] = {}
    for number, (cluster, rule) in enumerate(pairs, start=1):
        try:
            name = _PSEUDONYM.validate_python(cluster.strip().lower())
            found_rule = _NAME.validate_python(rule.strip())
        except ValidationError:
            raise InputError(
                f"{source} has no pseudonym (32 hex digits) and rule in entry {number:,}; take "
                "them from 'agency-client disclosures clusters'."
            ) from None
        if name in found:
            raise InputError(f"{source} names the cluster {name[:8]} twice; keep one rule for it.")
        found[name] = found_rule
    if not 0 < len(found) <= MOST_CLUSTERS:
        raise InputError(f"{source} names no cluster, or more than {MOST_CLUSTERS:,}.")
    return found


def parse_moment(text: str) -> int:
    """Return a day (its end) or a moment in UTC as POSIX seconds; raises `InputError`."""
    try:
        if len(text) == len("2026-12-24"):
            day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
            return int(day.timestamp()) + DAY
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        return int(moment.timestamp())
    except ValueError:
        raise InputError(
            f"{text!r} is no time; write a day, 2026-12-24, or a moment in UTC, "
            "2026-12-24T10:00:00Z."
        ) from None


def _asked(office: Office, wish: Wish, evidence: bytes) -> tuple[Asked, ...]:
    """Return the clusters by the pseudonyms of the run, which a cohort's are translated to.

    The evidence has them in their own order: which of a cohort's people is which, it doesn't say.
    """
    rules = wish.clusters
    if wish.cohort is None:
        return tuple(Asked(name, rules[name]) for name in sorted(rules))
    found = open_evidence(office.agreement, evidence).clusters
    if len(found) != len(rules) or len(set(rules.values())) != 1:
        raise VerificationError(
            "The matcher's evidence isn't on as many people as were asked for; ask its operator."
        )
    rule = next(iter(rules.values()))
    return tuple(Asked(own.cluster, rule) for own in found)


def _terms(office: Office) -> Disclosure:
    terms = office.agreement.disclosure
    if terms is None:
        raise PolicyError(
            f"The agreement {office.agreement.agreement.id!r} has no [disclosure], so nobody is "
            "named to anybody."
        )
    return terms


def _only_purpose(office: Office) -> str:
    codes = office.agreement.agreement.purpose_codes
    if len(codes) != 1:
        raise InputError(f"Say which purpose it is for, one of {', '.join(codes)}.")
    return codes[0]


def _reference(text: str) -> str:
    trimmed = " ".join(text.split())
    if not 0 < len(trimmed) <= 200 or not trimmed.isprintable():
        raise InputError("The reference is the case or the meeting, in at most 200 characters.")
    return trimmed


def _expiry(office: Office, wish: Wish, terms: Disclosure, now: int) -> int:
    """Return when it expires: unless somebody says, as late as the agreement allows."""
    expires = wish.expires
    if expires is None:
        expires = now + terms.expires_days * DAY
        if ends := office.agreement.agreement.ends:
            expires = min(expires, parse_moment(ends.isoformat()))
    if expires <= now:
        raise InputError("It would expire before it is proposed; give a later time.")
    return expires
