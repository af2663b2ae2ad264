"""How often one caller may ask: a bucket of requests per key, filled at a steady rate.

And which requests are copies of one that was counted, and are nobody's asking.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class _Bucket:
    left: float
    at: float


class RateLimit:
    """Counts requests by key; ``clock`` gives seconds that never run backwards.

    Only keys of parties are counted, after their signature was verified, so the number of buckets
    is that of the parties. Whoever has a copy of a party's signed request can use up no more of its
    share than that one request, once it was let in (`UsedNonces`). Not safe for threads: it belongs
    to one event loop.
    """

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def take(self, key: str) -> float:
        """Take a request out of a key's bucket; return how many seconds to wait, 0 if it is in."""
        now = self._clock()
        bucket = self._buckets.setdefault(key, _Bucket(self._burst, now))
        bucket.left = min(self._burst, bucket.left + (now - bucket.at) * self._per_second)
        bucket.at = now
        if bucket.left < 1:
            return (1 - bucket.left) / self._per_second
        bucket.left -= 1
        return 0.0


class UsedNonces:
    """The nonces that this process knows to be used, until no clock of its own takes them any more.

    A copy of a request is told by it before it is counted, and costs no more than a request that
    nobody has signed. It holds no more than the rates of the parties let in; what it doesn't know,
    as after a restart, the database does. Not safe for threads: it belongs to one event loop.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._expire: dict[str, int] = {}

    def __contains__(self, nonce: str) -> bool:
        return nonce in self._expire

    def __len__(self) -> int:
        return len(self._expire)

    def add(self, nonce: str, expires: int) -> None:
        """Remember a nonce until ``expires``, in the seconds of the clock."""
        self._expire[nonce] = expires
        now = self._clock()
        # The oldest stand first, nearly: one that was signed ahead of its time lets others wait.
        while (oldest := next(iter(self._expire))) != nonce and self._expire[oldest] < now:
            del self._expire[oldest]
