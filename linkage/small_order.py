"""Ed25519 public keys that prove nothing.

For a point whose order divides 8 there are signatures that fit many messages, so that whoever
gives it for a key could be said to have signed anything, and could deny having signed. Libraries
accept such keys (RFC 8032 doesn't forbid them); here they are refused wherever a key comes in.
"""

from __future__ import annotations

# Both spellings of every such point, without the sign bit.
SMALL_ORDER = frozenset(
    bytes.fromhex(key)
    for key in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)


def is_small_order(key: bytes) -> bool:
    """Say whether a public key, 32 bytes, is a point of small order."""
    return key[:-1] + bytes([key[-1] & 0x7F]) in SMALL_ORDER
