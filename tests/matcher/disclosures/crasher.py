"""A process whose children send one message each and die at a step of it.

``python -m tests.matcher.disclosures.crasher URL FOLDER``

It reads lines ``STEP WHAT PARTY ID BODY`` (the body in base64, ``-`` for none) and forks a child
for each, that kills itself before its commit (step 0), or after it (step 1). The answer is a line:
``killed`` or ``done``. Nothing here has threads, so that forking does no harm.
"""

from __future__ import annotations

import base64
import os
import signal
import sys
from pathlib import Path

from sqlalchemy import event

from linkage.errors import LinkageError
from matcher.app.building import build_services
from matcher.config.settings import UploadSettings
from matcher.lookups.service import Lookups
from matcher.objects.folder import Folder
from tests.databases import open_database
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT
from tests.matcher.api.serving import KEYS, Clock
from tests.matcher.lookups.asking import AGREEMENT as ASKING


class Killer:
    """Kills the process around its n-th commit of a change: even steps before, odd ones after."""

    def __init__(self, at: int) -> None:
        self.left = at
        self._committing = False

    def watch(self, database) -> None:
        event.listen(database._engine, "commit", self._before)
        event.listen(database._engine, "checkin", self._after)

    def _before(self, *_: object) -> None:
        self._step()
        self._committing = True

    def _after(self, *_: object) -> None:
        if self._committing:
            self._step()
        self._committing = False

    def _step(self) -> None:
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1


def send(url: str, folder: Path, words: list[str]) -> None:
    at, what, party, id_, body = words
    database = open_database(url)
    clock = Clock()
    clock.forward(days=int(body)) if what == "look" else None
    clock.forward(days=1) if (what, body) == ("lookup", ".") else None
    services = build_services(
        database, LOG, Folder(folder / "objects"), UploadSettings(), clock, KEYS
    )
    Killer(int(at)).watch(database)
    disclosures = services.disclosures
    if what == "lookup":
        send_about_lookups(services.lookups, party, id_, body)
        return
    if what == "look":
        disclosures.all(AGREEMENT, party)
        return
    content = base64.b64decode(body)
    if what == "propose":
        disclosures.propose(AGREEMENT, party, content)
    elif what == "seal":
        disclosures.put_sealed(AGREEMENT, party, id_, "hub", content)
    else:
        disclosures.enter(AGREEMENT, party, id_, content, in_force=True)


def send_about_lookups(lookups: Lookups, party: str, id_: str, body: str) -> None:
    """Lodge a request with its encoding, answer the lookup of an id, or look at it a day later."""
    content, _, encoding = (base64.b64decode(own) for own in body.partition("."))
    if encoding:
        lookups.lodge(ASKING, party, content, encoding)
    elif content:
        lookups.answer(ASKING, party, id_, content)
    else:
        lookups.show(ASKING, party, id_)


def forked(url: str, folder: Path, words: list[str]) -> str:
    child = os.fork()
    if child == 0:
        try:
            send(url, folder, words)
            os._exit(0)
        except LinkageError as error:
            print(error, file=sys.stderr)
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return "killed"
    return "done" if os.WEXITSTATUS(status) == 0 else "failed"


def main() -> None:
    url, folder = sys.argv[1], Path(sys.argv[2])
    open_database(url)  # loads what its kind of database needs
    for line in sys.stdin:
        print(forked(url, folder, line.split()), flush=True)


if __name__ == "__main__":
    main()
