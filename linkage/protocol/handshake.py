"""The known-answer handshake: before data moves, whether all agencies would set the same bits.

Each agency signs a digest of the encodings of one fictional list, with the scheme's digest and the
commitment to the secret that it used. Who differs from the agreement's scheme, from the commitment,
or from what most others computed, is named, and so is what to look at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass as plain_dataclass
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from linkage.errors import NotReadyError, VerificationError
from linkage.protocol.agreement import Agreement
from linkage.protocol.canonical import canonical_json, parse_message
from linkage.protocol.keys import Identity
from linkage.protocol.secret_messages import agencies, require_this_agreement
from linkage.protocol.settings import settings
from linkage.protocol.signing import Digest, sign, verify_signed

ANSWERS_KIND = "known-answers"

_STRICT = ConfigDict(extra="forbid", strict=True)
Version = Annotated[str, Field(max_length=100)]


@dataclass(frozen=True, config=_STRICT)
class Answers:
    """What an agency says of itself before a round; all digests have 64 hex digits.

    ``answers`` is a MAC of the fictional list's encodings under a key that only the secret gives,
    ``versions`` what decides bits in its program.
    """

    agreement: Digest
    epoch: Annotated[int, Field(ge=1)]
    round: Annotated[int, Field(ge=1)]
    scheme: Digest
    commitment: Digest
    answers: Digest
    versions: dict[Annotated[str, Field(max_length=64)], Version]


_ANSWERS = TypeAdapter(Answers)


@plain_dataclass(frozen=True)
class Handshake:
    """How the agencies' answers compare: who differs and in what, and who hasn't answered."""

    different: dict[str, str]
    missing: tuple[str, ...]


def sign_answers(answers: Answers, own: Identity) -> bytes:
    """Return an agency's answers, signed."""
    return sign(ANSWERS_KIND, canonical_json(settings(answers)), own)


def verify_answers(
    content: bytes, source: str, agreement: Agreement, round_number: int
) -> tuple[str, Answers]:
    """Return which agency answered what, or raise `VerificationError`."""
    # Steps 1 to 6 are those of every signed message; only agencies count.
    signed = verify_signed(content, source, ANSWERS_KIND, agencies(agreement))
    # Step 7: it is for this agreement, epoch and round.
    answers = parse_message(_ANSWERS, signed.payload, f"The payload of {source}")
    require_this_agreement(answers.agreement, answers.epoch, agreement, source)
    if answers.round != round_number:
        raise VerificationError(
            f"{source} from {signed.signer!r} is for round {answers.round} and not {round_number} "
            "(step 7); ask for new answers."
        )
    return signed.signer, answers


def compare_answers(
    agreement: Agreement, answers: Mapping[str, Answers], commitment: str | None
) -> Handshake:
    """Return who differs, given each agency's answers by its name.

    ``commitment`` is the one that the secret's creator signed; without it, that of most agencies
    counts. Where there is no majority, everybody differs from everybody.
    """
    right = commitment or _most_common([own.commitment for own in answers.values()])
    different = {}
    for name, own in answers.items():
        if own.scheme != agreement.scheme.digest():
            different[name] = f"has the scheme {own.scheme[:16]} and not the agreement's"
        elif own.commitment != right:
            different[name] = "has another linkage secret"
    alike = {name: own for name, own in answers.items() if name not in different}
    computed = _most_common([own.answers for own in alike.values()])
    for name, own in alike.items():
        if own.answers != computed:
            different[name] = f"standardises or encodes otherwise{_hint(own, alike)}"
    missing = tuple(name for name in agreement.names("agency") if name not in answers)
    return Handshake(different, missing)


def require_same_answers(found: Handshake) -> None:
    """Raise `VerificationError` naming who differs, `NotReadyError` while answers are missing."""
    if found.different:
        reasons = "; ".join(f"{name!r} {why}" for name, why in found.different.items())
        raise VerificationError(
            f"The agencies would not set the same bits: {reasons}; nobody sends anything until it "
            "is mended."
        )
    if found.missing:
        raise NotReadyError(f"The answers of {', '.join(found.missing)} are missing.")


def _most_common(values: list[str]) -> str | None:
    """Return the value that more than half have, or that all have; None if there is none."""
    if not values:
        return None
    value, count = Counter(values).most_common(1)[0]
    return value if 2 * count > len(values) else None


def _hint(own: Answers, others: Mapping[str, Answers]) -> str:
    """Say which versions are this agency's alone."""
    usual = {
        name: _most_common([other.versions.get(name, "none") for other in others.values()])
        for name in own.versions
    }
    odd = [
        f"{name} {version} where others have {usual[name]}"
        for name, version in own.versions.items()
        if usual[name] not in (version, None)
    ]
    return f" ({', '.join(odd)})" if odd else ""
