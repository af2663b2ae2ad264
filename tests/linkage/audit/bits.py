"""Every way to flip a single bit."""

from collections.abc import Iterator


def flipped(data: bytes) -> Iterator[bytes]:
    for place in range(8 * len(data)):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << (place % 8)
        yield bytes(changed)
