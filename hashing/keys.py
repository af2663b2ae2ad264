"""The keys of a scheme: one per feature of a part, and one per diffusion."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from hashing.secret import LinkageSecret, derive
from linkage.protocol.scheme import Group, Part, Scheme

DIFFUSION_KEY_BYTES = 32
# clkhash derives two keys per feature; only double hashing uses the second.
_KEYS_PER_FEATURE = 2


@dataclass(frozen=True, repr=False)
class PartKeys:
    """The keys of one part: one per feature (main, then minor), 32 bytes for diffusion.

    A feature's key has ``kdf.key_bytes`` bytes (64 unless imported), or twice as many, both keys
    one after the other, where it is hashed doubly.
    """

    features: tuple[bytes, ...]
    diffusion: bytes


def part_keys(secret: LinkageSecret, scheme: Scheme, group: Group, part: Part) -> PartKeys:
    """Derive the keys of a part.

    Two parts of a group with the same label have the same keys, so that swapped names agree, and
    so have the swappable features of one part. With ``kdf.info`` the feature keys are clkhash's:
    HKDF output cut into two keys per column.
    """
    place = f"{group.name}/{part.label}".encode("ascii")
    diffusion = derive(
        secret,
        b"concord/1/diffusion/" + place,
        DIFFUSION_KEY_BYTES,
        _decoded(scheme.kdf.salt),
        scheme.kdf.hash,
    )
    pairs = _key_pairs(secret, scheme, part, b"concord/1/part/" + place)
    single = scheme.kdf.key_bytes
    keys = {
        name: pair if scheme.features[name].hashing == "double" else pair[:single]
        for name, pair in pairs.items()
    }
    return PartKeys(tuple(keys.values()), diffusion)


def _key_pairs(
    secret: LinkageSecret, scheme: Scheme, part: Part, own_info: bytes
) -> dict[str, bytes]:
    """Return both keys of every feature of a part, one after the other."""
    names = part.features + part.minor
    places = scheme.kdf.places or range(len(names))
    width = _KEYS_PER_FEATURE * scheme.kdf.key_bytes
    info = _decoded(scheme.kdf.info)
    stream = derive(
        secret,
        own_info if info is None else info,
        (max(places) + 1) * width,
        _decoded(scheme.kdf.salt),
        scheme.kdf.hash,
    )
    pairs = {
        name: stream[width * at : width * (at + 1)] for name, at in zip(names, places, strict=True)
    }
    if part.swappable:
        pairs |= dict.fromkeys(part.swappable, pairs[part.swappable[0]])
    return pairs


def _decoded(value: str | None) -> bytes | None:
    return None if value is None else base64.b64decode(value, validate=True)
