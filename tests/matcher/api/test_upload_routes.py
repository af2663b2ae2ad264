"""Uploads over HTTP: what a client sends and gets, and what breaks on the way."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from linkage.protocol.problems import parse_problem
from linkage.protocol.upload import Announcement, UploadState, announcement_bytes
from linkage.receipts import verify_receipt
from matcher.api.upload_routes import upload_routes
from matcher.objects import folder as folder_module
from matcher.objects.folder import Folder
from matcher.store.database import Database
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.parties import CARE, MATCHER, POLICE
from tests.matcher.api.serving import Caller, Clock, Matcher, running
from tests.matcher.uploading import (
    DIGEST,
    LIMITS,
    announcement,
    file_of,
    logged,
    manifest,
    open_round,
    parts_of,
    service,
    sha256,
)

BASE = f"/v1/agreements/{DIGEST}"
FILE = file_of("police")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "objects").mkdir()
    return tmp_path / "objects"


@pytest.fixture
def matcher(database: Database, folder: Path) -> Iterator[Matcher]:
    clock = Clock()

    def routes(_services: object):
        return [upload_routes(service(database, Folder(folder), clock, LIMITS))]

    with running(database, clock, routes, body_seconds=1) as found:
        found.admit()
        found.sign_all()
        open_round(database, 1)
        yield found


@pytest.fixture
def police(matcher: Matcher) -> Caller:
    return matcher.caller(POLICE)


def announce(caller: Caller, data: bytes = FILE) -> UploadState:
    body = announcement_bytes(announcement(data))
    answer = caller.post(f"{BASE}/rounds/1/uploads", body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return UploadState(**found | {"received": tuple(found["received"])})


def put(caller: Caller, state: UploadState, number: int, data: bytes = FILE):
    part = parts_of(data)[number]
    return caller.put(f"{BASE}/uploads/{state.id}/parts/{number}", part)


def commit(caller: Caller, state: UploadState, data: bytes = FILE):
    body = manifest(state, data, caller.identity)
    return caller.post(f"{BASE}/uploads/{state.id}/commit", body)


def problem(answer) -> str:
    return parse_problem(answer.content, "it")[0].name


def test_a_whole_upload(police: Caller, database: Database):
    newest = f"{BASE}/rounds/1/upload"
    assert problem(police.get(newest)) == "missing"
    state = announce(police)
    assert police.get(newest).json()["id"] == state.id
    assert state.missing == (0, 1, 2, 3)
    for number in (2, 0, 3, 1, 1):
        assert put(police, state, number).status_code == 204
    assert announce(police).missing == ()
    answer = commit(police, state)
    assert answer.status_code == 200, answer.text
    receipt = verify_receipt(answer.content, "it", AGREEMENT, "police", LOG.verifier)
    # The receipt's checkpoint is in the history that came with the answers.
    assert receipt.checkpoint.size <= police.trusted.pinned.size
    assert commit(police, state).content == answer.content
    assert police.get(f"{BASE}/uploads/{state.id}").json()["state"] == "committed"
    assert police.get(newest).json()["state"] == "committed"
    assert ("upload.committed", "police") in logged(database)


def test_what_goes_wrong_has_its_problem(police: Caller, matcher: Matcher, database: Database):
    state = announce(police)
    place = f"{BASE}/uploads/{state.id}"
    too_large = announcement_bytes(Announcement("00" * 32, LIMITS.most_bytes + 1))
    assert problem(police.post(f"{BASE}/rounds/1/uploads", too_large)) == "refused"
    assert problem(police.post(f"{BASE}/rounds/1/uploads", b"{}")) == "unverified"
    assert problem(police.post(f"{BASE}/rounds/2/uploads", announcement_bytes(
        announcement(FILE)))) == "not-ready"  # fmt: skip
    assert problem(police.put(f"{place}/parts/9", b"x")) == "invalid"
    assert problem(police.put(f"{place}/parts/0", b"x")) == "invalid"
    assert problem(police.put(f"{place}/parts/x", b"x")) in {"malformed", "missing", "invalid"}
    assert problem(commit(police, state)) == "not-ready"
    assert problem(matcher.caller(CARE).get(place)) == "missing"
    assert problem(matcher.caller(MATCHER).get(place)) == "refused"
    for number in range(4):
        put(police, state, number)
    assert problem(police.put(f"{place}/parts/0", bytes(LIMITS.part_size))) == "conflict"
    other = manifest(state, FILE, CARE)
    assert problem(police.post(f"{place}/commit", other)) == "unverified"
    assert police.delete(place).status_code == 204
    assert problem(police.delete(place)) == "missing"
    assert problem(put(police, state, 0)) == "missing"


def test_a_file_that_does_not_fit_is_refused_with_the_reason(police: Caller, database: Database):
    data = file_of("police", scheme_digest="00" * 32)
    state = announce(police, data)
    for number in range(4):
        put(police, state, number, data)
    answer = commit(police, state, data)
    kind, said = parse_problem(answer.content, "it")
    assert (kind.name, kind.raises.exit_code) == ("unverified", 3)
    assert "another scheme" in said
    assert police.get(f"{BASE}/uploads/{state.id}").json()["state"] == "refused"


def test_a_part_that_changes_on_its_way_is_not_kept(police: Caller, folder: Path):
    state = announce(police)
    part = parts_of(FILE)[0]
    request = police.signed("PUT", f"{BASE}/uploads/{state.id}/parts/0", part)
    request.body = part[:-1] + b"?"
    assert problem(police.send(request)) == "unsigned"
    assert announce(police).received == ()
    assert not [path for path in folder.rglob("*") if path.is_file()]


def broken_off(police: Caller, state: UploadState, share: float) -> socket.socket:
    """Send a part of a part, and leave the connection as it is."""
    part = parts_of(FILE)[0]
    path = f"{BASE}/uploads/{state.id}/parts/0"
    request = police.signed("PUT", path, part)
    address = urlsplit(request.url)
    connection = socket.create_connection((address.hostname, address.port))
    headers = {**request.headers, "host": address.netloc, "content-length": str(len(part))}
    head = f"PUT {path} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers.items())
    connection.sendall(head.encode() + b"\r\n" + part[: int(share * len(part))])
    return connection


def until_nothing_is_half_written(folder: Path) -> None:
    end = time.monotonic() + 10
    while [path for path in folder.rglob("*") if path.is_file()]:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_connection_that_breaks_leaves_nothing(police: Caller, folder: Path):
    state = announce(police)
    with broken_off(police, state, 0.5):
        time.sleep(0.1)
    until_nothing_is_half_written(folder)
    assert put(police, state, 0).status_code == 204


def test_one_that_stops_sending_is_not_waited_for(police: Caller, folder: Path):
    state = announce(police)
    with broken_off(police, state, 0.5) as connection:
        connection.settimeout(10)
        assert connection.recv(100_000).startswith(b"HTTP/1.1 408 ")
    until_nothing_is_half_written(folder)


def test_a_full_disk_is_said_and_survived(
    police: Caller, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    state = announce(police)

    def full(*_arguments: object) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(folder_module.Path, "replace", full)
        answer = put(police, state, 0)
    kind, said = parse_problem(answer.content, "it")
    assert (kind.name, answer.status_code) == ("unavailable", 503)
    assert "can't do it now; try again" in said
    assert os.strerror(28) not in answer.text
    assert not [path for path in folder.rglob("*") if path.is_file()]
    for number in range(4):
        assert put(police, state, number).status_code == 204
    assert commit(police, state).status_code == 200


def test_the_answers_name_nobody(police: Caller):
    state = announce(police)
    assert "police" not in json.dumps(state.__dict__)
    assert state.sha256 == sha256(FILE)
