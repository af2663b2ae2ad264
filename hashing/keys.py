"""The keys of a scheme: one per feature of a part, and one per diffusion."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from hashing.secret import LinkageSecret, derive
from linkage.protocol.scheme import Group, Part, Scheme

KEY_BYTES = 64
DIFFUSION_KEY_BYTES = 32
# clkhash derives a second key per feature for its double hashing, which is unused here.
_KEYS_PER_FEATURE = 2


@dataclass(frozen=True, repr=False)
class PartKeys:
    """The keys of one part: 64 bytes per feature (main, then minor), 32 bytes for diffusion."""

    features: tuple[bytes, ...]
    diffusion: bytes


def part_keys(secret: LinkageSecret, scheme: Scheme, group: Group, part: Part) -> PartKeys:
    """Derive the keys of a part.

    Two parts of a group with the same label have the same keys, so that swapped names agree.
    With ``kdf.info`` the feature keys are clkhash's: HKDF output cut into two keys per feature,
    of which the first is used.
    """
    salt = _decoded(scheme.kdf.salt)
    place = f"{group.name}/{part.label}".encode("ascii")
    info = _decoded(scheme.kdf.info)
    if info is None:
        info = b"concord/1/part/" + place
    count = len(part.features + part.minor)
    stream = derive(secret, info, count * _KEYS_PER_FEATURE * KEY_BYTES, salt)
    starts = range(0, len(stream), _KEYS_PER_FEATURE * KEY_BYTES)
    return PartKeys(
        tuple(stream[start : start + KEY_BYTES] for start in starts),
        derive(secret, b"concord/1/diffusion/" + place, DIFFUSION_KEY_BYTES, salt),
    )


def _decoded(value: str | None) -> bytes | None:
    return None if value is None else base64.b64decode(value, validate=True)
