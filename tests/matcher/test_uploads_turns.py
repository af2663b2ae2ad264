"""A few files are verified at a time, none of them twice, and nobody waits for long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from linkage.protocol.upload import UploadState
from matcher.objects.folder import Folder
from matcher.store.database import Database
from matcher.uploads import committing, turns
from matcher.uploads.failures import BusyError
from matcher.uploads.service import Uploads
from tests.linkage.protocol.agreements import AGREEMENT
from tests.matcher.uploading import (
    DIGEST,
    PARTIES,
    admit,
    announcement,
    file_of,
    logged,
    manifest,
    open_round,
    parts_of,
    push,
    send,
    service,
)

AGENCIES = ("police", "care", "health")
FILES = {agency: file_of(agency) for agency in AGENCIES}


@pytest.fixture
def own(database: Database, tmp_path: Path) -> Uploads:
    admit(database)
    (tmp_path / "objects").mkdir()
    return service(database, Folder(tmp_path / "objects"))


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the agencies whose files were verified, one for each time."""
    whole, found = committing.require_fit, list[str]()

    def noted(*arguments: object) -> None:
        found.append(str(arguments[3]))
        whole(*arguments)

    monkeypatch.setattr(committing, "require_fit", noted)
    return found


def sent(own: Uploads, agency: str) -> UploadState:
    """Send an agency's file, all but its manifest."""
    data = FILES[agency]
    state = own.open(DIGEST, agency, 1, announcement(data))
    for number, part in enumerate(parts_of(data, state.part_size)):
        send(own, agency, state, number, part)
    return state


def commit(own: Uploads, agency: str, state: UploadState) -> bytes:
    signed = manifest(state, FILES[agency], PARTIES[agency])
    return own.commit(AGREEMENT, agency, state.id, signed)


@contextmanager
def being_verified(
    monkeypatch: pytest.MonkeyPatch, acts: list[Callable[[], bytes]]
) -> Iterator[list[bytes]]:
    """Do some commits in threads that are held in the midst of verifying until the context ends."""
    whole, begun, go_on = committing.require_fit, list[Event](), Event()

    def held(*arguments: object) -> None:
        if begun:
            begun.pop().set()
        assert go_on.wait(60)
        whole(*arguments)

    receipts = list[bytes]()
    with ThreadPoolExecutor(len(acts)) as pool, monkeypatch.context() as patch:
        patch.setattr(committing, "require_fit", held)
        waited = [Event() for _ in acts]
        begun += waited
        found = [pool.submit(act) for act in acts]
        assert all(event.wait(60) for event in waited)
        try:
            yield receipts
        finally:
            go_on.set()
        receipts += [one.result() for one in found]


def test_a_commit_that_is_repeated_meanwhile_verifies_nothing(own, verified, monkeypatch):
    state = sent(own, "police")
    with being_verified(monkeypatch, [lambda: commit(own, "police", state)]) as receipts:
        for _ in range(3):
            with pytest.raises(BusyError, match="is being verified already"):
                commit(own, "police", state)
    assert [commit(own, "police", state)] == receipts
    assert verified == ["police"]


@pytest.mark.parametrize("most", ["PATIENCE_SECONDS", "MOST_WAITING"])
def test_two_are_verified_at_a_time(own, verified, monkeypatch, most):
    monkeypatch.setattr(turns, most, 0)
    states = {agency: sent(own, agency) for agency in AGENCIES}
    acts = [lambda one=one: commit(own, one, states[one]) for one in AGENCIES[:2]]
    with (
        being_verified(monkeypatch, acts),
        pytest.raises(BusyError, match="2 other uploads are being verified"),
    ):
        commit(own, AGENCIES[2], states[AGENCIES[2]])
    commit(own, AGENCIES[2], states[AGENCIES[2]])
    assert sorted(verified) == sorted(AGENCIES)


def test_who_comes_third_has_its_turn_after_a_moment(own, verified, monkeypatch):
    states = {agency: sent(own, agency) for agency in AGENCIES}
    acts = [lambda one=one: commit(own, one, states[one]) for one in AGENCIES[:2]]
    third, asked = AGENCIES[2], Event()
    with ThreadPoolExecutor(1) as pool:
        with being_verified(monkeypatch, acts):
            waits = pool.submit(lambda: (asked.set(), commit(own, third, states[third])))
            assert asked.wait(60)
            with pytest.raises(TimeoutError):
                waits.result(0.2)
            with pytest.raises(BusyError, match="is being verified already"):
                commit(own, third, states[third])
        assert waits.result(60)
    assert sorted(verified) == sorted(AGENCIES)


def test_what_was_committed_since_the_first_look_is_not_verified_again(own, verified, monkeypatch):
    state, whole, receipts = sent(own, "police"), committing._require_of_upload, list[bytes]()

    def late(*arguments):
        with monkeypatch.context() as patch:
            patch.setattr(committing, "_require_of_upload", whole)
            receipts.append(commit(own, "police", state))
        return whole(*arguments)

    monkeypatch.setattr(committing, "_require_of_upload", late)
    assert [commit(own, "police", state)] == receipts
    assert verified == ["police"]


def test_a_turn_ends_with_whatever_ends_it(own, database):
    damaged = bytearray(FILES["police"])
    damaged[len(damaged) // 2] ^= 1
    for number in range(1, 4):
        open_round(database, number + 1)
        with pytest.raises(committing.UnfitError):
            push(own, "police", bytes(damaged), number + 1)
    push(own, "police", FILES["police"], 4)
    assert logged(database)[-1] == ("upload.committed", "police")
