"""Sealed messages: from one party to one other, through hands that can't open them.

HPKE in base mode (RFC 9180) says nothing about who sealed, so the sender signs inside the seal.
What the message is for (agreement, epoch, round, kind, number, sender, recipient and both keys) is
bound into HPKE's ``info`` and under the signature: opened for anything else, it doesn't open.

Plaintexts are padded to the next power of two, 1,024 bytes at least, so that a message's length
says no more about its content than a doubling, and short ones look alike.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from linkage.errors import InputError, VerificationError
from linkage.protocol.canonical import canonical_json, parse_message
from linkage.protocol.keys import (
    SEALING_OVERHEAD,
    SIGNATURE_BYTES,
    Identity,
    PublicIdentity,
)
from linkage.protocol.settings import settings
from linkage.protocol.signing import (
    SEALED_KIND,
    Digest,
    Kind,
    PartyName,
    signed_bytes,
    verify_signature,
)

_STRICT = ConfigDict(extra="forbid", strict=True)
_FIRST_LINE = b"concord/1/sealed"
_LENGTH_BYTES = 8
LEAST_CLASS = 1024
# Larger things are cut into numbered messages.
MOST_PAYLOAD = 64 * 2**20
_MOST_HEADER = 4096

Count = Annotated[int, Field(ge=0, le=2**53 - 1)]


@dataclass(frozen=True, config=_STRICT)
class Context:
    """What a sealed message is for, as both sides know it without the message.

    ``agreement`` is the digest of the agreement in force, 64 hex digits. ``sequence`` counts the
    messages of one kind from one sender to one recipient in a round, from 0; whoever opens says
    which number is due, so that no message is taken twice, left out, or taken out of turn.
    """

    agreement: Digest
    epoch: Count
    round: Count
    kind: Kind
    sequence: Count


@dataclass(frozen=True, config=_STRICT)
class _Header:
    """What stands in front of a sealed message, in the clear, and is bound into it."""

    agreement: Digest
    epoch: Count
    kind: Kind
    recipient: PartyName
    recipient_key: Digest
    round: Count
    sender: PartyName
    sender_key: Digest
    sequence: Count


_HEADER = TypeAdapter(_Header)


def seal(recipient: PublicIdentity, context: Context, payload: bytes, signer: Identity) -> bytes:
    """Return ``payload``, signed by ``signer``, for ``recipient`` alone to open.

    The outcome is two lines of text and a ciphertext. Its length depends only on names, numbers
    and the class that ``payload``'s length falls in. Raises `InputError` beyond 64 MiB.
    """
    if len(payload) > MOST_PAYLOAD:
        raise InputError(f"A sealed message holds at most {MOST_PAYLOAD // 2**20} MiB; cut it.")
    info = canonical_json(settings(_header(recipient, context, signer.public)))
    key = signer.signing_key.verifying_key.fingerprint
    message = signed_bytes(SEALED_KIND, signer.name, key, info + b"\n" + payload)
    plaintext = _padded(signer.signing_key.sign(message), payload)
    ciphertext = recipient.sealing_key.seal(plaintext, _FIRST_LINE + b"\n" + info)
    return b"\n".join((_FIRST_LINE, info, ciphertext))


def open_sealed(
    content: bytes, source: str, context: Context, sender: PublicIdentity, own: Identity
) -> bytes:
    """Return the payload, once every step of verifying has passed (SPEC.md, Sealed messages).

    ``source`` is the name that errors give to the message; ``context`` and ``sender`` are what the
    recipient, ``own``, expects. Raises `VerificationError`.
    """
    # Steps 1 and 2: the first line, and a header of canonical JSON.
    info, ciphertext = _split(content, source)
    header = parse_message(_HEADER, info, f"The header of {source}")
    # Step 3: it is for what it is opened for, from whom it is expected, to this recipient.
    _require_same(header, _header(own.public, context, sender), source)
    # Step 4: HPKE opens it.
    try:
        plaintext = own.opening_key.open(ciphertext, _FIRST_LINE + b"\n" + info)
    except VerificationError:
        raise VerificationError(
            f"{source} from {sender.name!r} doesn't open (step 4): it was changed on its way; ask "
            f"{sender.name!r} to seal it again."
        ) from None
    # Step 5: it is padded as it should be.
    signature, payload = _unpadded(plaintext, source)
    # Step 6: the sender signed it, for this.
    verify_signature(source, SEALED_KIND, sender, info + b"\n" + payload, signature)
    return payload


def require_sealed_for(
    content: bytes,
    source: str,
    context: Context,
    sender: PublicIdentity,
    recipient: PublicIdentity,
) -> None:
    """Raise `VerificationError` unless a message says that it is for this, from one to the other.

    That is steps 1 to 3 of opening it, which is all that can be said without the recipient's key.
    """
    info, _ = _split(content, source)
    header = parse_message(_HEADER, info, f"The header of {source}")
    _require_same(header, _header(recipient, context, sender), source)


def size_class(length: int) -> int:
    """Return the length of the padded plaintext of a payload of ``length`` bytes."""
    needed = SIGNATURE_BYTES + _LENGTH_BYTES + length
    return max(LEAST_CLASS, 1 << (needed - 1).bit_length())


def _header(recipient: PublicIdentity, context: Context, sender: PublicIdentity) -> _Header:
    return _Header(
        agreement=context.agreement,
        epoch=context.epoch,
        kind=context.kind,
        recipient=recipient.name,
        recipient_key=recipient.sealing_key.fingerprint,
        round=context.round,
        sender=sender.name,
        sender_key=sender.signing_key.fingerprint,
        sequence=context.sequence,
    )


def _split(content: bytes, source: str) -> tuple[bytes, bytes]:
    first, _, rest = content.partition(b"\n")
    info, newline, ciphertext = rest[: _MOST_HEADER + 1].partition(b"\n")
    ciphertext = rest[len(info) + 1 :]
    if first != _FIRST_LINE or not newline:
        raise VerificationError(
            f"{source} doesn't begin as a sealed message does (step 1); check that it is the right "
            "file."
        )
    size = len(ciphertext) - SEALING_OVERHEAD
    if not LEAST_CLASS <= size <= 2 * MOST_PAYLOAD or size & (size - 1):
        raise VerificationError(
            f"{source} has a length that no sealed message has (step 1), so it was cut short; ask "
            "for it again."
        )
    return info, ciphertext


def _require_same(found: _Header, expected: _Header, source: str) -> None:
    for name, own in settings(expected).items():
        said = getattr(found, name)
        if said != own:
            raise VerificationError(
                f"{source} was sealed for the {name.replace('_', ' ')} {_brief(said)}, not for "
                f"{_brief(own)} (step 3); ask for the one that is due."
            )


def _brief(value: object) -> str:
    return f"{value[:16]}…" if isinstance(value, str) and len(value) == 64 else str(value)


def _padded(signature: bytes, payload: bytes) -> bytes:
    """Return signature, length (8 bytes, big-endian), payload, and zeros up to the size class."""
    content = signature + len(payload).to_bytes(_LENGTH_BYTES, "big") + payload
    return content.ljust(size_class(len(payload)), b"\0")


def _unpadded(plaintext: bytes, source: str) -> tuple[bytes, bytes]:
    start = SIGNATURE_BYTES + _LENGTH_BYTES
    length = int.from_bytes(plaintext[SIGNATURE_BYTES:start], "big")
    if (
        length > MOST_PAYLOAD
        or size_class(length) != len(plaintext)
        or plaintext.count(0, start + length) != len(plaintext) - start - length
    ):
        raise VerificationError(
            f"{source} is not padded as a sealed message is (step 5); its sender needs another "
            "release."
        )
    return plaintext[:SIGNATURE_BYTES], plaintext[start : start + length]
