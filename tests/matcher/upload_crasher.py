"""A process whose children upload and are killed: ``python -m tests.matcher.upload_crasher``.

It reads one order a line, as JSON, does it in a child that dies at the numbered step, and answers
with what the child has acknowledged. A step is the begin or the end of a commit, or of a sync, a
rename or a deletion of a file, or an acknowledgement; that every statement of a commit is all or
nothing is what tests of the ledger show. It stays without threads itself, so that it may fork.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy.random
import pandas as pd
import pyarrow.compute
from sqlalchemy import event

from linkage.errors import LinkageError
from linkage.protocol.upload import UploadState
from matcher.objects.folder import Folder
from matcher.uploads.service import Uploads
from tests.databases import open_database
from tests.linkage.protocol.agreements import AGREEMENT
from tests.matcher.uploading import (
    DIGEST,
    PARTIES,
    announcement,
    file_of,
    manifest,
    parts_of,
    send,
    service,
)

# What the work imports only when it is needed is imported here once, and not in every child.
PRELOADED = (numpy.random, pd, pyarrow.compute)
AGENCY = "police"
ROWS = 800


class Killer:
    """Kills the process at the n-th step; never if n is negative."""

    def __init__(self, at: int) -> None:
        self.left = at
        self._committing = False

    def step(self, *_arguments: object) -> None:
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1

    def _before_commit(self, *_arguments: object) -> None:
        self.step()
        self._committing = True

    def _after_commit(self, *_arguments: object) -> None:
        if self._committing:
            self.step()
        self._committing = False

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def worked(*arguments: Any, **named: Any) -> Any:
            self.step()
            result = work(*arguments, **named)
            self.step()
            return result

        return worked

    def watch(self, database: Any) -> None:
        event.listen(database._engine, "commit", self._before_commit)
        # What follows a commit is the return of its connection.
        event.listen(database._engine, "checkin", self._after_commit)
        os.fsync = self.around(os.fsync)
        Path.replace = self.around(Path.replace)  # type: ignore[method-assign]
        Path.unlink = self.around(Path.unlink)  # type: ignore[method-assign]


def data_of(number: int, *, fit: bool = True) -> bytes:
    """Return a file of the same length for every number, and of other bytes."""
    return file_of(AGENCY, ROWS, number) if fit else _other(number)


def _other(number: int) -> bytes:
    return file_of(AGENCY, ROWS, number, scheme_digest="00" * 32)


def upload(own: Uploads, order: dict[str, Any], tell: Callable[..., None]) -> None:
    """Do what a client does, and tell each thing once it is acknowledged."""
    data = data_of(order["round"], fit=order["fit"])
    state = own.open(DIGEST, AGENCY, order["round"], announcement(data))
    tell(opened=state.id, missing=state.missing, state=state.state)
    if order["do"] == "abandon":
        own.abandon(DIGEST, AGENCY, state.id)
        tell(abandoned=True)
        return
    if state.state == "open":
        _send_missing(own, state, data, tell)
    if order["do"] == "commit":
        signed = manifest(state, data, PARTIES[AGENCY])
        tell(receipt=own.commit(AGREEMENT, AGENCY, state.id, signed).decode())


def _send_missing(own: Uploads, state: UploadState, data: bytes, tell: Callable[..., None]) -> None:
    parts = parts_of(data, state.part_size)
    for number in state.missing:
        send(own, AGENCY, state, number, parts[number])
        tell(part=number)


def done(own: Uploads, order: dict[str, Any], tell: Callable[..., None]) -> None:
    """Carry out an order, and tell what became of it."""
    try:
        upload(own, order, tell)
    except LinkageError as error:
        tell(error=type(error).__name__, said=str(error))


def child(order: dict[str, Any], pipe: int) -> None:
    database = open_database(order["url"])
    own = service(database, Folder(Path(order["folder"])))
    killer = Killer(order["at"])
    killer.watch(database)

    def tell(**what: object) -> None:
        os.write(pipe, (json.dumps(what) + "\n").encode())
        killer.step()

    done(own, order, tell)
    tell(steps=order["at"] - killer.left)


def obey(order: dict[str, Any]) -> dict[str, Any]:
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(reader)
            child(order, writer)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as lines:
        told = [json.loads(line) for line in lines]
    status = os.waitpid(process, 0)[1]
    return {"told": told, "killed": os.WIFSIGNALED(status)}


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(obey(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
