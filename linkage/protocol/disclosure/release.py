"""What a holder seals, and what a recipient opens: agreed fields of agreed people, and no more.

The holder looks at everything again, with its own keys and clock, before anything leaves: it has to
believe the matcher nothing. A sealed release says which proposal it is for, so that it opens for no
other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from linkage.errors import InputError, PolicyError, VerificationError
from linkage.protocol.canonical import canonical_json, parse_message
from linkage.protocol.disclosure.commitment import verify_tokens
from linkage.protocol.disclosure.history import Case
from linkage.protocol.disclosure.messages import Holding, Pseudonym, Release, digest_of
from linkage.protocol.keys import Identity
from linkage.protocol.sealing import Context, open_sealed, seal
from linkage.protocol.settings import settings
from linkage.protocol.signing import Digest, PartyName

CONTENT_KIND = "disclosed-fields"
_STRICT = ConfigDict(extra="forbid", strict=True)

MOST_VALUE = 10_000
Value = Annotated[str, Field(max_length=MOST_VALUE)]
Fields = dict[PartyName, Value]


@dataclass(frozen=True, config=_STRICT)
class Content:
    """What is sealed: per cluster one table of fields for each record of the holder."""

    proposal: Digest
    clusters: dict[Pseudonym, tuple[Fields, ...]]


@plain_dataclass(frozen=True, repr=False)
class Revealed:
    """What the matcher tells a holder of a cluster after the quorum: salt and tokens."""

    salt: bytes
    tokens: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"Revealed({len(self.tokens)} tokens)"


_CONTENT = TypeAdapter(Content)


def require_releasable(case: Case, holder: str, now: int) -> None:
    """Raise unless the holder may release at ``now`` (POSIX seconds) by its own clock."""
    case.life.release(holder, now)


def tokens_to_release(
    case: Case, holder: str, revealed: Mapping[str, Revealed], now: int
) -> dict[str, tuple[bytes, ...]]:
    """Return the holder's tokens by cluster, each verified against what was committed to.

    Raises as `require_releasable`; `VerificationError` where the matcher reveals other tokens than
    it committed to, more or fewer than it said, or not exactly the clusters that the holder has a
    part in.
    """
    require_releasable(case, holder, now)
    holdings = _holdings(case, holder)
    if set(revealed) != set(holdings):
        raise VerificationError(
            f"The matcher names other clusters of {holder!r} than the evidence does; release "
            "nothing, and tell the other parties."
        )
    for cluster, held in holdings.items():
        own = revealed[cluster]
        if len(own.tokens) != held.records:
            raise VerificationError(
                f"The matcher names {len(own.tokens)} records of {holder!r} in the cluster "
                f"{cluster[:8]}, and its evidence says {held.records}; release nothing, and tell "
                "the other parties."
            )
        verify_tokens(held.tokens, own.salt, cluster, holder, own.tokens)
    return {cluster: revealed[cluster].tokens for cluster in sorted(holdings)}


def seal_release(
    case: Case,
    holder: Identity,
    clusters: Mapping[str, Sequence[Fields]],
    now: int,
    *,
    reason: str = "",
) -> tuple[Release, dict[str, bytes]]:
    """Return the release to sign and the sealed message for each recipient.

    ``clusters`` has the fields of the holder's records by cluster; what isn't among them is
    withheld, for the ``reason``. Raises `PolicyError` where fields, clusters or records were not
    asked for, or where there is a reason and nothing is withheld, or the other way round;
    `InputError` for a value that is too long.
    """
    require_releasable(case, holder.name, now)
    _refuse_unasked(case, holder.name, clusters)
    records = sum(len(rows) for rows in clusters.values())
    withheld = _held(case, holder.name) - records
    if (withheld > 0) != bool(reason):
        raise PolicyError(
            f"{withheld} records of {holder.name!r} would be withheld; say why if there are any, "
            "and give no reason if there are none."
        )
    content = Content(case.digest, {name: tuple(rows) for name, rows in clusters.items()})
    payload = canonical_json(settings(content))
    sealed = {
        name: seal(case.agreement.identity(name), sealing_context(case), payload, holder)
        for name in case.proposal.recipients
    }
    digests = {name: digest_of(message) for name, message in sealed.items()}
    return Release(case.digest, now, digests, records, withheld, reason), sealed


def open_release(
    case: Case, holder: str, sealed: bytes, recipient: Identity
) -> dict[str, tuple[Fields, ...]]:
    """Return the fields that a holder released to ``recipient``, by cluster.

    Raises `VerificationError` unless it is the message that the holder's signed release names, for
    this proposal, with fields and clusters that were asked for and no others.
    """
    release = case.releases.get(holder)
    source = f"what {holder!r} has released"
    if release is None or release.sealed.get(recipient.name) != digest_of(sealed):
        raise VerificationError(
            f"The sealed message is not {source} to {recipient.name!r}; ask for it again."
        )
    sender = case.agreement.identity(holder)
    payload = open_sealed(sealed, source, sealing_context(case), sender, recipient)
    content = parse_message(_CONTENT, payload, source)
    if content.proposal != case.digest:
        raise VerificationError(f"In {source} is the content for another proposal.")
    _require_asked(case, holder, content, source)
    return content.clusters


def _refuse_unasked(case: Case, holder: str, clusters: Mapping[str, Sequence[Fields]]) -> None:
    rows = [row for own in clusters.values() for row in own]
    if strange := sorted({name for row in rows for name in row} - set(case.proposal.fields)):
        raise PolicyError(f"The fields {', '.join(strange)} weren't asked for; release none of it.")
    if _are_too_many(case, holder, clusters):
        raise PolicyError("There are clusters or records that weren't asked for; release none.")
    if any(len(value) > MOST_VALUE for row in rows for value in row.values()):
        raise InputError(f"A value has more than {MOST_VALUE:,} characters; shorten it.")


def _are_too_many(case: Case, holder: str, clusters: Mapping[str, Sequence[Fields]]) -> bool:
    """Return whether there is any cluster, or any record of one, that isn't the holder's."""
    holdings = _holdings(case, holder)
    return any(
        cluster not in holdings or len(rows) > holdings[cluster].records
        for cluster, rows in clusters.items()
    )


def _require_asked(case: Case, holder: str, content: Content, source: str) -> None:
    given = {name for rows in content.clusters.values() for row in rows for name in row}
    if given - set(case.proposal.fields) or _are_too_many(case, holder, content.clusters):
        raise VerificationError(
            f"In {source} are fields, clusters or records that weren't asked for; use none of it, "
            f"and tell {holder!r}."
        )
    if sum(map(len, content.clusters.values())) != case.releases[holder].records:
        raise VerificationError(f"In {source} is another number of records than was signed for.")


def _holdings(case: Case, holder: str) -> dict[str, Holding]:
    """Return what the evidence says that a holder has, by cluster."""
    return {
        own.cluster: holding
        for own in case.evidence.clusters
        for holding in own.holders
        if holding.agency == holder
    }


def _held(case: Case, holder: str) -> int:
    return sum(holding.records for holding in _holdings(case, holder).values())


def sealing_context(case: Case) -> Context:
    """Return what every sealed release of a case is bound to."""
    return Context(
        agreement=case.agreement.digest(),
        epoch=case.agreement.agreement.epoch,
        round=0,
        kind=CONTENT_KIND,
        # Of its own for each proposal, to which each holder seals but once.
        sequence=int(case.digest[:13], 16),
    )
