"""One attempt at a run: read the uploads, link them, store what comes out, finish."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from linkage.encodings import Encodings
from linkage.errors import VerificationError
from linkage.protocol.agreement import Agreement
from matcher.jobs.leases import Lease, Progress
from matcher.objects.keys import lease_objects
from matcher.objects.objects import Objects
from matcher.objects.verified import require_stored
from matcher.runs.carrying import BegunRun, Carrying, Earlier
from matcher.runs.chosen import ChosenUpload
from matcher.runs.finished import RunOutcome, outcome_of
from matcher.runs.inputs import read_agency_encodings
from matcher.runs.linking import Contents, Stage, gather_inputs, link_inputs
from matcher.runs.stored import StoredRun, is_gone_on_from, read_run
from matcher.runs.storing import fetch_run, store_contents
from matcher.store.failures import DatabaseError
from matcher.worker.bench import Bench
from matcher.worker.pulse import Pulse

OpenUpload = Callable[[str], AbstractContextManager[IO[bytes]]]
"""Opens the whole file of a committed upload, by the upload's id."""
Prepare = Callable[[str, str, Contents], Contents]
"""Returns further files for those who will look at a run, of its agreement's digest, id and files.
"""
_PATIENCE_SECONDS = 2.0
T = TypeVar("T")


@dataclass(frozen=True)
class Attempt:
    """Carries out a leased run; ``objects`` hold uploads and run folders."""

    carrying: Carrying
    objects: Objects
    open_upload: OpenUpload
    prepare: Prepare
    lease: Lease
    pulse: Pulse

    def make(self, folder: Path, threads: int) -> None:
        """Carry out the run in a work folder, up to its end; raises what ends it otherwise."""
        run = patiently(lambda: self.carrying.begin(self.lease), self.pulse)
        bench = Bench(folder, threads, self.pulse)
        contents = self._contents(run, bench)
        contents |= patiently(lambda: self._prepared(run, contents), self.pulse)
        outcome = self._store(run, contents)
        patiently(lambda: self.carrying.finish(self.lease, run, outcome), self.pulse)

    def _contents(self, run: BegunRun, bench: Bench) -> Contents:
        earlier = self._fetched(run.onto, bench.folder) if run.onto else None
        files = []
        for number, chosen in enumerate(run.inputs.uploads):
            bench.tell(Stage("reading", number, len(run.inputs.uploads)))
            files.append(self._read(chosen, run.agreement))
        inputs = gather_inputs(files, run.agreement, earlier)
        del files
        return link_inputs(inputs, run.agreement, earlier, bench)[1]

    def _prepared(self, run: BegunRun, contents: Contents) -> Contents:
        self.pulse.note(Progress("preparing pages"))
        return self.prepare(run.agreement.digest(), run.id, contents)

    def _fetched(self, earlier: Earlier, folder: Path) -> StoredRun:
        self.pulse.note(Progress("fetching the run before"))
        fetch_run(self.objects, earlier.outcome, folder / "before", is_gone_on_from)
        return read_run(folder / "before")

    def _read(self, chosen: ChosenUpload, agreement: Agreement) -> Encodings:
        name = f"The upload {chosen.upload} of {chosen.agency}"
        with patiently(lambda: self.open_upload(chosen.upload), self.pulse) as file:
            require_stored(file, chosen.sha256, name)
            encodings = read_agency_encodings(file, name, agreement)
        if encodings.header.agency != chosen.agency:
            raise VerificationError(f"{name} holds the encodings of another agency.")
        return encodings

    def _store(self, run: BegunRun, contents: Contents) -> RunOutcome:
        folder = lease_objects(run.id, self.lease.number)

        def stored(done: int, total: int) -> None:
            self.pulse.note(Progress("writing", done, total))

        store_contents(self.objects, folder, contents, stored)
        return outcome_of(folder, contents, secrets.token_hex(16))


def patiently(change: Callable[[], T], pulse: Pulse) -> T:
    """Make a change to the database, again and again while it can't be reached.

    Raises what the pulse does when there is no point in waiting any more.
    """
    while True:
        try:
            return change()
        except DatabaseError:
            pulse.check()
            time.sleep(_PATIENCE_SECONDS)
