"""The encoding of the one person who is looked up, as bytes: of one length for a scheme.

::

    salt (32) || one byte per group: 1 present, 0 null || the bits of each group, in order

A group's bits are those of the file of encodings; those of a null group are zero. The salt keeps
the other agencies, who could encode a guess, from trying it against the digest in the request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from linkage.errors import VerificationError
from linkage.protocol.scheme import Scheme

SALT_BYTES = 32


@dataclass(frozen=True, repr=False)
class EncodedPerson:
    """One person under a scheme: per group whether it is ``present``, and its bytes."""

    present: tuple[bool, ...]
    groups: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"EncodedPerson({sum(self.present)} of {len(self.present)} groups)"


def person_bytes(scheme: Scheme, person: EncodedPerson, salt: bytes) -> bytes:
    """Return a person's encoding under a salt of 32 random bytes; raises `ValueError`."""
    lengths = _lengths(scheme)
    if len(salt) != SALT_BYTES or [len(bits) for bits in person.groups] != lengths:
        raise ValueError("the salt or a group has another length")
    return b"".join((salt, bytes(person.present), *person.groups))


def parse_person(scheme: Scheme, content: bytes, source: str) -> EncodedPerson:
    """Read an encoding; raises `VerificationError` for what `person_bytes` doesn't give."""
    lengths = _lengths(scheme)
    if len(content) != encoding_size(scheme):
        raise VerificationError(
            f"{source} has {len(content)} bytes, and one person under the agreement's scheme has "
            f"{encoding_size(scheme)}; encode with this agreement."
        )
    groups, at = [], SALT_BYTES + len(lengths)
    for length in lengths:
        groups.append(content[at : at + length])
        at += length
    marks = content[SALT_BYTES : SALT_BYTES + len(lengths)]
    if not _sound(marks, groups):
        raise VerificationError(
            f"{source} isn't the encoding of a person: a group is marked wrongly, or all are null."
        )
    return EncodedPerson(tuple(mark == 1 for mark in marks), tuple(groups))


def encoding_size(scheme: Scheme) -> int:
    """Return how many bytes the encoding of a person has under a scheme."""
    return SALT_BYTES + len(scheme.group) + sum(_lengths(scheme))


def _lengths(scheme: Scheme) -> list[int]:
    return [group.length // 8 for group in scheme.group]


def _sound(marks: bytes, groups: Sequence[bytes]) -> bool:
    null_is_zero = all(mark or not any(bits) for mark, bits in zip(marks, groups, strict=True))
    return null_is_zero and set(marks) <= {0, 1} and any(marks)
