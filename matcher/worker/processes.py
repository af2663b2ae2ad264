"""The worker processes: started anew, so that nothing of this process is in them, and kept alive.

A process that dies is replaced, after a pause that grows while its successors die as well. Each
ends itself when the process that started it is gone.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Self

from matcher.logs.lines import log_fault, log_notice

STOP_SECONDS = 15.0
"""How long a process has to stop before it is killed; it loses nothing by that."""
_LOOK_SECONDS = 0.5
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_HEALTHY_SECONDS = 60.0

Target = Callable[[], None]
"""What a process does; it has to be picklable, as a partial of a function of a module is."""


@dataclass
class _Place:
    """A place that one process has, and how its predecessors fared."""

    process: SpawnProcess | None = None
    started: float = 0.0
    pause: float = 0.0
    begin_at: float = field(default_factory=time.monotonic)


class Workers:
    """A number of processes that are kept alive as long as the context lasts."""

    def __init__(self, target: Target, count: int) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._target = target
        self._places = [_Place() for _ in range(count)]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="workers", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._stop_all()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            for place in self._places:
                self._look_after(place)
            sentinels = [own.process.sentinel for own in self._places if own.process]
            if sentinels:
                wait(sentinels, _LOOK_SECONDS)
            self._stopping.wait(0.05 if sentinels else _LOOK_SECONDS)

    def _look_after(self, place: _Place) -> None:
        now = time.monotonic()
        if place.process is not None and not place.process.is_alive():
            log_notice("worker.ended", code=place.process.exitcode or 0)
            is_healthy = place.process.exitcode == 0 or now - place.started >= _HEALTHY_SECONDS
            longer = min(2 * place.pause, _LONGEST_PAUSE)
            place.pause = _SHORTEST_PAUSE if is_healthy else max(longer, _SHORTEST_PAUSE)
            place.process, place.begin_at = None, now + place.pause
        if place.process is None and now >= place.begin_at:
            self._start(place)

    def _start(self, place: _Place) -> None:
        process = self._context.Process(target=self._target, name="matcher-worker")
        try:
            process.start()
        except Exception as error:  # noqa: BLE001 - as when there are too many processes just now
            log_fault(error)
            place.begin_at = time.monotonic() + _LONGEST_PAUSE
        else:
            place.process, place.started = process, time.monotonic()

    def _stop_all(self) -> None:
        processes = [place.process for place in self._places if place.process]
        for process in processes:
            process.terminate()
        last = time.monotonic() + STOP_SECONDS
        for process in processes:
            process.join(max(last - time.monotonic(), 0))
            if process.is_alive():
                process.kill()
                process.join()


class StopSignal:
    """Whether this process was told to stop, or the one that started it is gone."""

    def __init__(self) -> None:
        self._told = False  # an event's own lock could be held by what the signal interrupts
        self._parent = multiprocessing.parent_process()
        signal.signal(signal.SIGTERM, self._tell)
        # An interrupt at a terminal reaches all its processes; the first one stops the others.
        signal.signal(signal.SIGINT, signal.SIG_IGN if self._parent else self._tell)

    def __call__(self) -> bool:
        """Return whether to stop."""
        return self._told or (self._parent is not None and not self._parent.is_alive())

    def wait(self) -> None:
        """Wait until told to stop."""
        while not self._told:
            time.sleep(_LOOK_SECONDS)

    def _tell(self, *_: object) -> None:
        self._told = True
