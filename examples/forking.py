"""Agencies' commands without what each takes to load, which is most of it in an example of many.

A process that has loaded the client is forked for every command (multiprocessing's fork server). So
each has a process of its own as in life, with its own memory and its own end.
"""

from __future__ import annotations

import io
import multiprocessing
import pkgutil
import sys
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from multiprocessing.connection import Connection
from subprocess import CompletedProcess

import agency_client
from agency_client.cli import main

_LEFT_OUT = "agency_client.dedupe"  # which takes as long to load as all others


def can_fork() -> bool:
    """Whether commands can be forked: on Linux, since elsewhere libraries may not survive it."""
    return sys.platform == "linux"


def execute_forked(arguments: list[str], *, shown: bool) -> CompletedProcess[str]:
    """Run ``agency-client`` to its end; what it says of its progress is passed on if ``shown``."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_modules())
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_command, args=(theirs, arguments, shown))
    process.start()
    theirs.close()
    try:
        code, out, err = ours.recv()
    except EOFError:  # it has ended without an answer, and said why on standard error
        code, out, err = 1, "", ""
    process.join()
    return CompletedProcess(arguments, code, out, err)


def _modules() -> list[str]:
    """Return what a command may load."""
    found = pkgutil.walk_packages(agency_client.__path__, "agency_client.")
    return [own.name for own in found if not own.name.startswith(_LEFT_OUT)]


def _command(answer: Connection, arguments: list[str], shown: bool) -> None:
    out, err, code = io.StringIO(), io.StringIO(), 0
    sys.argv = ["agency-client", *arguments]
    with redirect_stdout(out), nullcontext() if shown else redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    answer.send((code, out.getvalue(), err.getvalue()))
