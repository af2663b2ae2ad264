"""Made-up parties with fixed keys."""

from linkage.protocol.keys import Identity, OpeningKey, SigningKey


def identity(name, number=None):
    """A party whose seeds are as fixed as they are public."""
    byte = number if number is not None else sum(name.encode()) % 200
    return Identity(name, SigningKey(bytes([byte]) * 32), OpeningKey(bytes([byte + 1]) * 32))


POLICE = identity("police", 11)
CARE = identity("care", 21)
HEALTH = identity("health", 31)
MATCHER = identity("matcher", 41)
EVERYBODY = (POLICE, CARE, HEALTH, MATCHER)


def flipped(content):
    """Every message that differs from ``content`` in a single bit."""
    for at in range(len(content)):
        for bit in range(8):
            changed = bytearray(content)
            changed[at] ^= 1 << bit
            yield bytes(changed)
