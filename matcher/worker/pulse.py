"""The pulse of a worker that has leased a run: it says that it lives, and hears when to stop.

A thread of its own keeps the lease while the run computes. A run that is to stop hears it at its
next step. If that doesn't come within seconds, as while a model is estimated, the process ends
itself: whatever is to be kept is on disk, and another process takes its place.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from matcher.jobs.leases import Lease, LeaseLostError, Progress
from matcher.logs.lines import log_fault, log_notice
from matcher.runs.carrying import Carrying, RunCancelledError

BEAT_SECONDS = 1.0
GRACE_SECONDS = 5.0
"""How long a run has to stop by itself."""


class WorkerStoppedError(Exception):
    """The worker is to stop; the run is for another, or for later."""


class Pulse:
    """Keeps a lease as long as its context lasts; ``must_stop`` says whether the worker must."""

    def __init__(
        self, carrying: Carrying, lease: Lease, seconds: int, must_stop: Callable[[], bool]
    ) -> None:
        self._carrying = carrying
        self._lease = lease
        self._seconds = seconds
        self._must_stop = must_stop
        self._progress = self._noted = Progress("beginning")
        self._kept = time.monotonic()
        self._reason: Exception | None = None
        self._told = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def note(self, progress: Progress) -> None:
        """Note how far the run has come; raises what `check` does."""
        self._progress = progress
        self.check()

    def check(self) -> None:
        """Raise `RunCancelledError`, `WorkerStoppedError` or `LeaseLostError` if it is to stop."""
        if self._reason is not None:
            raise self._reason

    def _run(self) -> None:
        while not self._done.wait(BEAT_SECONDS):
            if self._reason is None:
                self._reason = self._reason_to_stop()
                self._told = time.monotonic()
            elif time.monotonic() - self._told > GRACE_SECONDS:
                self._end_process(self._reason)

    def _reason_to_stop(self) -> Exception | None:
        try:
            if self._must_stop():
                return WorkerStoppedError()
            return RunCancelledError() if self._beat() else None
        except LeaseLostError as error:
            return error
        except Exception as error:  # noqa: BLE001 - a run must not be lost with its pulse
            # Where it is the database, nobody else can take the run either.
            log_fault(error)
            return None

    def _beat(self) -> bool:
        """Keep the lease if there is something to say, or in time; return whether to stop."""
        progress, now = self._progress, time.monotonic()
        if progress == self._noted and now - self._kept < self._seconds / 3:
            return self._carrying.is_cancelled(self._lease)
        cancelled = self._carrying.keep(self._lease, self._seconds, progress)
        self._noted, self._kept = progress, now
        return cancelled

    def _end_process(self, reason: Exception) -> None:
        try:
            if isinstance(reason, RunCancelledError):
                self._carrying.cancel(self._lease)
            elif isinstance(reason, WorkerStoppedError):
                self._carrying.put_back(self._lease, 0, counts=False)
        except Exception as error:  # noqa: BLE001 - the process ends all the same
            log_fault(error)
        if not self._done.is_set():
            log_notice("worker.ends-itself")
            os._exit(0)
