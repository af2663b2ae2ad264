"""Turns in the order of coming: the oldest goes on first, and nobody waits for who goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from matcher.api.order import Order, Place


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class Steps:
    """Who is in a step, and in which order they came in; each stays until it is let go."""

    def __init__(self, order: Order) -> None:
        self.begun: list[str] = []
        self._order = order
        self._go: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def place(self) -> Place:
        return self._order.place()

    async def begin(self, name: str, place: Place) -> None:
        self._go[name] = asyncio.Event()
        self._tasks[name] = asyncio.create_task(self._step(name, place))
        await settled()

    async def _step(self, name: str, place: Place) -> None:
        async with place:
            self.begun.append(name)
            await self._go[name].wait()

    async def end(self, name: str) -> None:
        self._go[name].set()
        await self._tasks[name]
        await settled()

    def cancel(self, name: str) -> None:
        self._tasks[name].cancel()


def run(test: Callable[[Steps], Awaitable[None]], most: int = 1) -> None:
    async def whole() -> None:
        await asyncio.wait_for(test(Steps(Order(most))), 30)

    asyncio.run(whole())


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_than_so_many_at_a_time(most: int):
    async def test(steps: Steps) -> None:
        for name in "abcd":
            await steps.begin(name, steps.place())
        assert steps.begun == list("abcd"[:most])
        await steps.end("a")
        assert steps.begun == list("abcd"[: most + 1])

    run(test, most)


def test_who_came_first_goes_on_first():
    async def test(steps: Steps) -> None:
        first, second, third = steps.place(), steps.place(), steps.place()
        await steps.begin("third", third)
        await steps.begin("second", second)
        await steps.begin("first", first)
        await steps.end("third")
        await steps.begin("third again", third)
        await steps.end("first")
        await steps.end("second")
        assert steps.begun == ["third", "first", "second", "third again"]

    run(test)


def test_a_place_without_a_step_keeps_nobody_waiting():
    async def test(steps: Steps) -> None:
        steps.place()
        await steps.begin("later", steps.place())
        assert steps.begun == ["later"]

    run(test)


def test_who_goes_away_while_it_waits_is_passed_over():
    async def test(steps: Steps) -> None:
        for name in "abc":
            await steps.begin(name, steps.place())
        steps.cancel("b")
        await steps.end("a")
        assert steps.begun == ["a", "c"]

    run(test)


def test_who_goes_away_as_it_is_given_the_turn_hands_it_on():
    async def test(steps: Steps) -> None:
        for name in "abc":
            await steps.begin(name, steps.place())
        steps.cancel("a")  # hands its turn to b, who is cancelled before it runs
        await asyncio.sleep(0)
        steps.cancel("b")
        await settled()
        assert steps.begun == ["a", "c"]

    run(test)


def test_a_step_that_fails_hands_its_turn_on():
    async def test(steps: Steps) -> None:
        async def fail() -> None:
            async with steps.place():
                raise KeyError

        with pytest.raises(KeyError):
            await fail()
        await steps.begin("next", steps.place())
        assert steps.begun == ["next"]

    run(test)
