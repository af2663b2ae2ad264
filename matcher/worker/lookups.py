"""Lookups beside the runs: compared within a second or two, also while a run is carried out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from matcher.logs.lines import log_fault

LOOK_SECONDS = 1.0

Step = Callable[[], object]
"""Does what there is to do just now; what it returns is true if there may be more."""


@contextmanager
def beside(steps: tuple[Step, ...]) -> Iterator[None]:
    """Take the steps again and again in a thread of their own, as long as the context lasts.

    A step that fails is tried again the next time: whatever it leaves behind, it can begin anew.
    """
    done = threading.Event()
    thread = threading.Thread(target=_repeat, args=(steps, done), name="lookups", daemon=True)
    if steps:
        thread.start()
    try:
        yield
    finally:
        done.set()
        if steps:
            thread.join()


def _repeat(steps: tuple[Step, ...], done: threading.Event) -> None:
    while not done.is_set():
        for step in steps:
            try:
                while step() and not done.is_set():
                    pass
            except Exception as error:  # noqa: BLE001 - the worker goes on whatever happens here
                log_fault(error)
        done.wait(LOOK_SECONDS)
