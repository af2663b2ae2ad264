"""Tiles on threads: the kernel releases the GIL, so that every core works."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from linkage.tiles import MapTiles

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 4  # tiles a thread may be ahead of what has been fetched: results must not pile up


@contextmanager
def thread_engine(progress: Callable[[int, int], None], threads: int = 0) -> Iterator[MapTiles]:
    """Yield a `MapTiles` on a number of threads; 0 is one per core.

    ``progress`` is called on the caller's thread with the tiles done and the tiles in all. Leaving
    by an exception, such as a Ctrl-C, waits only for the tiles already begun.
    """
    threads = threads or _cores()
    pool = ThreadPoolExecutor(max_workers=threads)

    def map_tiles(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        tiles = list(items)
        begun: deque[Future[R]] = deque()
        for done in range(1, len(tiles) + 1):
            ahead = tiles[done - 1 + len(begun) : done - 1 + _AHEAD * threads]
            begun.extend(pool.submit(function, tile) for tile in ahead)
            result = begun.popleft().result()
            progress(done, len(tiles))
            yield result

    try:
        yield map_tiles
    finally:
        pool.shutdown(cancel_futures=True)


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
