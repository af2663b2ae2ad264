"""Turns at what a few may do at a time, in the order in which they came first.

Of many that go on in small steps, the ones that began first are done first: then they end one after
another, and not all at once, and what each does at its end doesn't come all at once either. Nobody
who has nothing to do holds a turn, so whoever is slow keeps nobody waiting.
"""

from __future__ import annotations

import asyncio
import heapq
from itertools import count
from types import TracebackType


class Order:
    """Lets ``most`` at a time do a step. Not safe for threads: it belongs to one event loop."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def place(self) -> Place:
        """Return a place behind all that were given before."""
        return Place(self, next(self._numbers))

    async def take(self, number: int) -> None:
        """Wait for the turn of a place, by its number; for `Place` alone."""
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (number, next(self._numbers), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give()  # it was given the turn in the moment in which it went away
            raise

    def give(self) -> None:
        """Hand a turn to the first who waits and hasn't gone away."""
        while self._waiting:
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Place:
    """A place in the order; each entering of its context is a step."""

    def __init__(self, order: Order, number: int) -> None:
        self._order = order
        self._number = number

    async def __aenter__(self) -> None:
        await self._order.take(self._number)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._order.give()
