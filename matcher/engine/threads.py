"""Tiles on threads: the kernel releases the GIL, so that every core works."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from linkage.scanning import MapTiles

T = TypeVar("T")
R = TypeVar("R")


@contextmanager
def thread_engine(progress: Callable[[int, int], None]) -> Iterator[MapTiles]:
    """Yield a `MapTiles` on one thread per core.

    ``progress`` is called on the caller's thread with the tiles done and the tiles in all.
    """
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:

        def map_tiles(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
            tiles = list(items)
            for done, result in enumerate(pool.map(function, tiles), start=1):
                progress(done, len(tiles))
                yield result

        yield map_tiles
