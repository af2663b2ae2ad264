"""How often one caller may ask: a bucket of requests per key, filled at a steady rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class _Bucket:
    left: float
    at: float


class RateLimit:
    """Counts requests by key; ``clock`` gives seconds that never run backwards.

    Only keys of parties are counted, after their signature was verified, so nobody can use up
    another's share and the number of buckets is that of the parties. Not safe for threads: it
    belongs to one event loop.
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
