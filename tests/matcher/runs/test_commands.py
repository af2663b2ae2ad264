"""``matcher run`` and ``matcher worker`` as an operator types them, with real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from linkage.protocol.agreement import Agreement
from linkage.protocol.standing import sign_agreement
from linkage.protocol.upload import Announcement
from matcher.app.building import Services, open_matcher
from matcher.app.worker import open_worker
from matcher.config.loading import load_settings
from matcher.ledger.verifying import verify_stored_log
from matcher.quality.kept import ABOUT, LINKS
from tests.linkage.protocol.agreements import ROLES, changed, parse
from tests.linkage.protocol.parties import CARE, HEALTH, POLICE
from tests.matcher import uploading
from tests.matcher.runs.matchers import never
from tests.matcher.runs.test_processes import until
from tests.matcher.test_cli import as_bytes
from tests.synthetic import make_world

AGREEMENT = parse(changed(("ends = 2026-12-31", "ends = 2099-12-31")))
AGENCIES = (CARE, HEALTH, POLICE)


@pytest.fixture
def folder(tmp_path: Path, command) -> Path:
    """Give a matcher whose agreement is in force."""
    folder = tmp_path / "service"
    assert command("init", folder, "--log-name", "concord.example/runs")[0] == 0
    assert command("migrate", folder)[0] == 0
    services = open_services(folder)
    signed = {own.name: sign_agreement(AGREEMENT, own) for own in ROLES}
    services.admission.admit(AGREEMENT, signed)
    uploading.open_round(services.database, 1, AGREEMENT)
    services.database.close()
    return folder


def open_services(folder: Path) -> Services:
    return open_matcher(load_settings(folder, {}, {}))


def files_of(agreement: Agreement) -> list[bytes]:
    layout = uploading.LAYOUT
    world = make_world(4, agencies=3, people=150, digest=agreement.scheme.digest(), layout=layout)
    return [
        as_bytes(replace(file, header=replace(file.header, agency=own.name)))
        for own, file in zip(AGENCIES, world.files, strict=True)
    ]


def push(folder: Path, count: int) -> None:
    """Commit the uploads of the first so many agencies, as their clients do."""
    services, digest = open_services(folder), AGREEMENT.digest()
    for own, data in list(zip(AGENCIES, files_of(AGREEMENT), strict=True))[:count]:
        announced = Announcement(uploading.sha256(data), len(data))
        state = services.uploads.open(digest, own.name, 1, announced)
        for number, part in enumerate(uploading.parts_of(data, state.part_size)):
            sha256 = uploading.sha256(part)
            with services.uploads.begin_part(digest, own.name, state.id, number, sha256) as draft:
                draft.write(part)
                draft.finish()
        signed = uploading.manifest(state, data, own, agreement=digest)
        services.uploads.commit(AGREEMENT, own.name, state.id, signed)
    services.database.close()


def start_worker(folder: Path, *more: str) -> subprocess.Popen[str]:
    program = Path(sys.executable).parent / "matcher"
    return subprocess.Popen(
        [program, "worker", folder, *more], stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip


def test_a_worker_links_what_is_uploaded_and_another_goes_on_when_it_is_killed(
    folder, command, tmp_path, monkeypatch
):
    """The worker's process is killed as soon as it holds the run, whose lease has to expire."""
    monkeypatch.setenv("CONCORD_WORKER_LEASE_SECONDS", "5")
    push(folder, 3)
    services, digest = open_services(folder), AGREEMENT.digest()
    (run,) = (view.id for view in services.runs.all(digest))
    worker = start_worker(folder)
    try:
        until(lambda: services.runs.one(digest, run).state == "running", 60)
        for child in children_of(worker.pid):
            os.kill(child, signal.SIGKILL)
        out = tmp_path / "out"
        words = ("run", folder, "--agreement", "trial", "--wait", "--out", out)
        code, said, error = command(*words, "--format", "json")
    finally:
        worker.send_signal(signal.SIGTERM)
        lines = worker.communicate(timeout=60)[1].splitlines()
    assert code == 0, error
    found = json.loads(said)
    assert (found["run"], found["state"], found["out"]) == (run, "finished", str(out))
    model = json.loads((out / "model.json").read_text())
    assert model["agencies"].keys() == {"care", "health", "police"}
    assert (out / "report.html").stat().st_size > 10_000
    assert len(list((out / "scans").iterdir())) == 3
    assert all((out / name).stat().st_size for name in (ABOUT, LINKS))
    assert worker.returncode == 0
    events = [json.loads(line)["event"] for line in lines]
    assert events.count("worker.started") == events.count("run.leased") == 2
    assert events.count("run.finished") == events.count("worker.stopped") == 1
    kinds = verify_stored_log(services.database, key_of(folder)).summary.by_kind
    assert (kinds["run.started"], kinds["run.finished"]) == (1, 1)


def key_of(folder: Path):
    return load_settings(folder, {}, {}).log_key


def test_two_agencies_are_enough_for_the_operator(folder, command):
    words = ("run", folder, "--agreement", "trial")
    code, _, error = command(*words)
    assert code == 75
    assert "two agencies" in error
    push(folder, 2)
    code, said, _ = command(*words, "--dry-run", "--format", "json")
    assert code == 0
    planned = json.loads(said)
    assert (planned["queued"], planned["agencies"]) == (False, ["care", "health"])
    code, said, _ = command(*words, "--dry-run")
    assert said == f"{planned['rows']:,} rows of care, health would be linked\n"
    assert open_services(folder).runs.all(AGREEMENT.digest()) == []
    first, second = (command(*words)[1] for _ in range(2))
    assert first == second
    assert first.endswith(" is queued\n")


def test_a_run_that_does_not_finish_is_an_error(folder, command):
    push(folder, 2)
    services, digest = open_services(folder), AGREEMENT.digest()
    run = services.runs.queue(digest)
    part = next(path for path in (folder / "objects" / "uploads").rglob("*") if path.is_file())
    part.write_bytes(b"x" * part.stat().st_size)
    worker = open_worker(load_settings(folder, {}, {}))
    thread = threading.Timer(0.5, worker.run_next, (never,))
    thread.start()
    code, said, error = command("run", folder, "--agreement", "trial", "--wait")
    thread.join()
    assert (code, said) == (1, f"run {run} is failed\n")
    assert error.startswith(f"matcher: The run {run} has failed. The upload ")
    assert "isn't what was stored" in error


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--agreement", "unheard-of"], 1, "No agreement 'unheard-of' is admitted"),
        (["--agreement", "trial", "--out", "new"], 2, "--out needs --wait"),
        (["--agreement", "trial", "--wait", "--out", "."], 2, "exists"),
        (["--agreement", "trial", "--wait", "--out", "nowhere/new"], 2, "can't be made"),
        (["--agreement", "trial", "--wait", "--out", "README.md/new"], 2, "can't be made"),
    ],
)
def test_what_the_command_refuses(folder, command, words, code, sentence):
    found, said, error = command("run", folder, *words)
    assert (found, said) == (code, "")
    assert sentence in error


def children_of(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().rpartition(")")
        except OSError:
            continue
        is_worker = b"spawn_main" in (path.parent / "cmdline").read_bytes()
        if is_worker and int(rest.split()[1]) == parent:
            found.append(int(name.split()[0]))
    return found
