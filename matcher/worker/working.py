"""What a worker does all day: take a run, carry it out, clear up, and look for the next."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from linkage.errors import (
    InputError,
    LinkageError,
    NotReadyError,
    PolicyError,
    VerificationError,
)
from matcher.jobs.leases import MOST_ATTEMPTS, Lease, LeaseLostError
from matcher.logs.lines import log_fault, log_notice
from matcher.objects.failures import ObjectMissingError, ObjectsError
from matcher.objects.keys import lease_objects, run_objects
from matcher.objects.objects import Objects
from matcher.runs.carrying import Carrying, RunCancelledError
from matcher.runs.storing import delete_others
from matcher.store.failures import DatabaseError
from matcher.worker.attempt import Attempt, OpenUpload, Prepare
from matcher.worker.folders import remove_folder, runs_in, work_folder
from matcher.worker.lookups import Step, beside
from matcher.worker.pulse import Pulse, WorkerStoppedError

IDLE_SECONDS = 1.0
SWEEP_SECONDS = 300.0
"""How long what a run leaves can stay after it was cancelled while nobody carried it out."""
_PAUSE_SECONDS = 20
"""How long a run waits after an attempt has failed, doubled with each."""
_LASTING = (InputError, NotReadyError, ObjectMissingError, PolicyError, VerificationError)
"""Errors that another attempt would end in as well."""


def worker_name() -> str:
    """Return a name for this process that no other has, nor has had."""
    return f"{socket.gethostname()[:64]}-{os.getpid()}-{secrets.token_hex(4)}"


@dataclass(frozen=True)
class Worker:
    """Carries out runs, one at a time.

    ``folder`` is where it works; ``lease_seconds`` how long a lease holds unless it is kept;
    ``threads`` how many compare (0: one per core). ``after_runs`` does what follows from runs: when
    the worker begins and after each run; what it couldn't do it does the next time. ``prepare``
    makes further files of a run that has been linked. ``steps`` are what is done beside the runs.
    """

    carrying: Carrying
    objects: Objects
    open_upload: OpenUpload
    folder: Path
    lease_seconds: int
    threads: int = 0
    after_runs: Callable[[], object] = lambda: None
    prepare: Prepare = lambda *_: {}
    name: str = field(default_factory=worker_name)
    steps: tuple[Step, ...] = ()

    def work(self, must_stop: Callable[[], bool]) -> None:
        """Carry out runs until told to stop; a lost database is waited for."""
        with beside(self.steps):
            self._work(must_stop)

    def _work(self, must_stop: Callable[[], bool]) -> None:
        pause = threading.Event()
        sweep_at, followed = time.monotonic(), False
        while not must_stop():
            try:
                if time.monotonic() >= sweep_at:
                    self.sweep()
                    sweep_at = time.monotonic() + SWEEP_SECONDS
                followed = followed or self.follow()
                if self.run_next(must_stop):
                    followed = False
                    continue
            except (DatabaseError, ObjectsError) as error:
                log_fault(error)
            pause.wait(IDLE_SECONDS)

    def follow(self) -> bool:
        """Do what follows from the runs that have ended; returns True."""
        try:
            self.after_runs()
        except (DatabaseError, ObjectsError):
            raise
        except Exception as error:  # noqa: BLE001 - the next run must not suffer for it
            log_fault(error)
        return True

    def run_next(self, must_stop: Callable[[], bool]) -> bool:
        """Take a run and carry it out; returns whether there was one."""
        lease = self.carrying.take(self.name, self.lease_seconds)
        if lease is None:
            return False
        log_notice("run.leased", attempt=lease.attempt)
        self._carry_out(lease, must_stop)
        return True

    def sweep(self) -> None:
        """Remove what killed processes have left of runs that have ended, or have waited to end."""
        found = runs_in(self.folder)
        for run, kept in self.carrying.ended(list(found)).items():
            delete_others(self.objects, run_objects(run), kept)
            for path in found[run]:
                remove_folder(path)

    def _carry_out(self, lease: Lease, must_stop: Callable[[], bool]) -> None:
        try:
            if lease.is_one_too_many:
                self._fail(lease, _crashed())
            else:
                self._attempt(lease, must_stop)
        except LeaseLostError:
            log_notice("run.lost")
            self._drop_own(lease)
        self._clear_up(lease.run)

    def _attempt(self, lease: Lease, must_stop: Callable[[], bool]) -> None:
        try:
            with (
                Pulse(self.carrying, lease, self.lease_seconds, must_stop) as pulse,
                work_folder(self.folder, lease.run, lease.number) as folder,
            ):
                attempt = Attempt(
                    self.carrying, self.objects, self.open_upload, self.prepare, lease, pulse
                )
                attempt.make(folder, self.threads)
            log_notice("run.finished")
        except RunCancelledError:
            self.carrying.cancel(lease)
            log_notice("run.cancelled")
        except WorkerStoppedError:
            self.carrying.put_back(lease, 0, counts=False)
            log_notice("run.put-back")
        except LeaseLostError:
            raise
        except _LASTING as error:
            log_fault(error)
            self._fail(lease, str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the run must not be lost
            self._try_again(lease, error)

    def _try_again(self, lease: Lease, error: Exception) -> None:
        """Give the run back for another attempt, or give it up after the last."""
        log_fault(error)
        sentence = str(error) if isinstance(error, LinkageError) else _unexpected(error)
        if lease.attempt >= MOST_ATTEMPTS:
            self._fail(lease, sentence)
            return
        pause = _PAUSE_SECONDS << (lease.attempt - 1)
        self.carrying.put_back(lease, pause, counts=True)
        log_notice("run.put-back", seconds=pause)

    def _fail(self, lease: Lease, sentence: str) -> None:
        self.carrying.fail(lease, sentence)
        log_notice("run.given-up", attempt=lease.attempt)

    def _drop_own(self, lease: Lease) -> None:
        """Remove what a lost lease has stored.

        The lease may be lost because the run has ended under it, and the answer never came: then
        this is what the run has ended with.
        """
        own = lease_objects(lease.run, lease.number)
        if self.carrying.ended([lease.run]).get(lease.run) != own:
            self.objects.delete_below(own)

    def _clear_up(self, run: str) -> None:
        """Remove what a run that has ended needs no more; one that hasn't keeps it all."""
        ended = self.carrying.ended([run])
        if run in ended:
            delete_others(self.objects, run_objects(run), ended[run])
            for path in runs_in(self.folder).get(run, []):
                remove_folder(path)


def _crashed() -> str:
    return (
        f"The worker's process died at each of {MOST_ATTEMPTS} attempts, as it does when memory "
        "runs out; look at the matcher's messages, then queue a run again."
    )


def _unexpected(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "The run needs more memory than there is; give the worker more, and queue it again."
    if isinstance(error, OSError):
        reason = error.strerror or type(error).__name__
        return f"The worker's folder can't be used ({reason}); mend it, and queue a run again."
    return (
        f"An unexpected error ({type(error).__name__}) ended the run; look at the matcher's "
        "messages, then queue a run again."
    )
