"""What an engine does for the pure maths: map work over threads or machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class MapTiles(Protocol):
    """Apply a function to every item and yield the results in the items' order."""

    def __call__(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Map ``function`` over ``items``; ``map`` itself will do."""
