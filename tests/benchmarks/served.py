"""A matcher that serves in a process of its own, and what the process has taken."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from linkage.protocol.agreement import Agreement
from linkage.protocol.keys import Identity
from linkage.protocol.standing import sign_agreement
from matcher.app.building import open_matcher
from matcher.config.creation import create_matcher, plan_matcher
from matcher.config.loading import load_settings
from matcher.store.database import Database
from matcher.store.migrating import migrate
from tests.benchmarks.callers import tried


def prepare(
    folder: Path, url: str, agreement: Agreement, everybody: list[Identity]
) -> tuple[str, Database]:
    """Make a matcher in which the agreement is in force; return its host and database."""
    create_matcher(folder, plan_matcher(folder, "load.example"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    os.environ |= {
        "CONCORD_SERVICE_PORT": str(port),
        "CONCORD_WORKER_PROCESSES": "0",
        "CONCORD_LOGGING_LEVEL": "warning",
    }
    if url:
        os.environ["CONCORD_DATABASE_URL"] = url
    settings = load_settings(folder, os.environ, {})
    database = Database(settings.database_url)
    migrate(database)
    services = open_matcher(settings)
    own = next(one for one in everybody if one.name == "operator")
    services.admission.admit(agreement, {"its file": sign_agreement(agreement, own)})
    for own in everybody:
        services.admission.sign(agreement, own.name, sign_agreement(agreement, own))
    return f"127.0.0.1:{port}", database


def serve(folder: Path, host: str) -> subprocess.Popen[bytes]:
    """Start the matcher and wait until it is well."""
    command = [sys.executable, "-c", "from matcher.cli import main; main()", "serve", str(folder)]
    process = subprocess.Popen(command)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        time.sleep(0.2)
        connection = http.client.HTTPConnection(host, timeout=5)
        if tried(lambda connection=connection: connection.request("GET", "/healthz")):
            return process
    raise RuntimeError("the matcher didn't start")


def processor_seconds(process: int) -> float:
    """Return the processor time that a process, named by its id, has taken so far."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def highest_memory(process: int) -> float:
    """Return the most memory that a process has held so far, in MiB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
