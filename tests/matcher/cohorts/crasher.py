"""A process whose children do one thing each and die at a step of it.

``python -m tests.matcher.cohorts.crasher URL FOLDER``

It reads lines ``STEP WHAT PARTY BODY`` (the body in base64) and forks a child for each, that kills
itself at the n-th end of a change of the database: even steps before the commit, odd ones after.
The answer is a line: ``killed`` or ``done``. Nothing here has threads, so forking does no harm.
"""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path

from pydantic import TypeAdapter

from linkage.errors import LinkageError
from linkage.protocol.canonical import parse_message
from linkage.protocol.cohort.replies import PayloadCommit
from matcher.app.building import build_services
from matcher.config.settings import UploadSettings
from matcher.objects.folder import Folder
from tests.databases import open_database
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT
from tests.matcher.api.serving import KEYS, Clock
from tests.matcher.cohorts.erasers import erasing_of
from tests.matcher.disclosures.crasher import Killer

_COMMIT = TypeAdapter(PayloadCommit)


def do(url: str, folder: Path, words: list[str]) -> None:
    at, what, party, text = words
    database, clock = open_database(url), Clock()
    body = base64.b64decode(text)
    if what == "erase":
        clock.forward(days=100)
    services = build_services(
        database, LOG, Folder(folder / "objects"), UploadSettings(), clock, KEYS
    )
    Killer(int(at)).watch(database)
    if what == "put":
        services.payloads.put(AGREEMENT, party, (1, "analyst", 0), body)
    elif what == "commit":
        sent = parse_message(_COMMIT, body, "it")
        services.payloads.commit(AGREEMENT, party, 1, "analyst", sent)
    elif what == "pull":
        services.cohorts.pull(AGREEMENT, party, body)
    else:
        erasing_of(services, clock).erase()


def main() -> None:
    url, folder = sys.argv[1], Path(sys.argv[2])
    for line in sys.stdin:
        child = os.fork()
        if not child:
            code = 0
            try:
                do(url, folder, line.split())
            except LinkageError as error:
                print(error, file=sys.stderr)
                code = 1
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else f"done {os.waitstatus_to_exitcode(status)}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
