"""Uploads: parts in any order and again, committed once, refused before they count."""

from __future__ import annotations

import io
import itertools
import os
import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event as listen
from sqlalchemy import func, select, update

from linkage.encodings import read_encodings
from linkage.errors import (
    ConflictError,
    InputError,
    LinkageError,
    MissingError,
    NotReadyError,
    PolicyError,
    VerificationError,
)
from linkage.protocol.upload import Announcement
from linkage.receipts import verify_receipt
from matcher.objects.failures import ObjectsError
from matcher.objects.folder import Folder
from matcher.store.database import Database
from matcher.store.failures import DatabaseError
from matcher.store.migrating import migrate
from matcher.store.tables import committed_uploads, upload_parts, uploads
from matcher.uploads.failures import UnfitError
from matcher.uploads.service import Uploads
from matcher.uploads.tidying import tidy_uploads
from tests.databases import Server, open_database
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.parties import CARE, POLICE
from tests.matcher.uploading import (
    DIGEST,
    LIMITS,
    NOW,
    PART,
    Clock,
    admit,
    announcement,
    encodings,
    file_of,
    logged,
    manifest,
    open_round,
    parts_of,
    push,
    send,
    service,
    sha256,
)

FILE = file_of("police")


@pytest.fixture
def objects(tmp_path: Path) -> Folder:
    (tmp_path / "objects").mkdir()
    return Folder(tmp_path / "objects")


@pytest.fixture
def admitted(database: Database) -> Database:
    admit(database)
    return database


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def own(admitted: Database, objects: Folder, clock: Clock) -> Uploads:
    return service(admitted, objects, clock)


def counted(database: Database) -> tuple[int, ...]:
    tables = (uploads, upload_parts, committed_uploads)
    with database.reading() as connection:
        return tuple(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables
        )


def opened(own: Uploads, data: bytes = FILE, agency: str = "police"):
    return own.open(DIGEST, agency, 1, announcement(data))


def test_a_committed_upload_can_be_read_and_has_a_receipt(own: Uploads, admitted: Database):
    receipt = push(own, "police", FILE)
    verified = verify_receipt(receipt, "it", AGREEMENT, "police", LOG.verifier)
    assert verified.manifest.sha256 == sha256(FILE)
    assert verified.event.counts == {"rows": 2000, "round": 1}
    with own.open_file(verified.manifest.upload) as file:
        found = read_encodings(file, "it")
    assert (found.tokens == encodings("police", 2000).tokens).all()
    assert found.digest == verified.manifest.encodings
    assert logged(admitted) == [("upload.committed", "police")]


def test_parts_come_in_any_order_and_again(own: Uploads):
    state = opened(own)
    parts = parts_of(FILE)
    assert len(parts) == 4
    for number in (3, 1, 1, 0, 3):
        send(own, "police", state, number, parts[number])
    assert own.state(DIGEST, "police", state.id).missing == (2,)
    assert own.open(DIGEST, "police", 1, announcement(FILE)).received == (0, 1, 3)
    with pytest.raises(NotReadyError, match="Of 4 parts 1 are missing: 2"):
        own.commit(AGREEMENT, "police", state.id, manifest(state, FILE, POLICE))
    push(own, "police", FILE)
    assert own.state(DIGEST, "police", state.id).state == "committed"


def test_everything_can_be_done_again_after_the_commit(own: Uploads, admitted: Database):
    first = push(own, "police", FILE)
    before = counted(admitted)
    assert push(own, "police", FILE) == first
    state = opened(own)
    assert state.state == "committed"
    send(own, "police", state, 2, parts_of(FILE)[2])
    assert counted(admitted) == before
    # Later events change nothing about the receipt.
    push(own, "care", file_of("care"))
    assert push(own, "police", FILE) == first
    assert [kind for kind, _ in logged(admitted)] == ["upload.committed"] * 2


def test_one_committed_upload_per_agency_and_round(own: Uploads, admitted: Database):
    other = file_of("police", seed=1)
    late = opened(own, other)
    for number, part in enumerate(parts_of(other)):
        send(own, "police", late, number, part)
    push(own, "police", FILE)
    with pytest.raises(ConflictError, match="in round 1, and that stays"):
        opened(own, file_of("police", seed=2))
    with pytest.raises(ConflictError, match="was committed for 'police' in round 1"):
        own.commit(AGREEMENT, "police", late.id, manifest(late, other, POLICE))
    open_round(admitted, 2)
    push(own, "police", other, 2)
    assert logged(admitted) == [("upload.committed", "police")] * 2


def test_what_is_being_erased_is_told_as_erased(own: Uploads, admitted: Database):
    push(own, "police", FILE)
    with admitted.writing() as connection:
        connection.execute(update(uploads).values(state="erasing"))
    found = own.newest(DIGEST, "police", 1)
    assert found.state == "erased"
    assert own.state(DIGEST, "police", found.id) == found
    assert own.open(DIGEST, "police", 1, announcement(FILE)) == found


def test_a_second_manifest_for_one_upload_is_refused(own: Uploads):
    state = opened(own)
    push(own, "police", FILE)
    with pytest.raises(ConflictError):
        own.commit(AGREEMENT, "police", state.id, manifest(state, FILE, POLICE, rows=1999))


def test_rounds_open_and_close(own: Uploads, admitted: Database):
    state = opened(own)
    for number, part in enumerate(parts_of(FILE)):
        send(own, "police", state, number, part)
    with pytest.raises(NotReadyError, match="Round 2 isn't open"):
        own.open(DIGEST, "police", 2, announcement(FILE))
    open_round(admitted, 2)
    with pytest.raises(ConflictError, match="Round 1 is over"):
        opened(own)
    with pytest.raises(ConflictError, match="Round 1 is over"):
        own.commit(AGREEMENT, "police", state.id, manifest(state, FILE, POLICE))
    assert logged(admitted) == []


def test_nobody_sees_or_touches_another_agencys_upload(own: Uploads):
    state = opened(own)
    part = parts_of(FILE)[0]
    for attempt in (
        lambda: own.state(DIGEST, "care", state.id),
        lambda: own.begin_part(DIGEST, "care", state.id, 0, sha256(part)),
        lambda: own.commit(AGREEMENT, "care", state.id, manifest(state, FILE, CARE)),
        lambda: own.abandon(DIGEST, "care", state.id),
        lambda: own.state("00" * 32, "police", state.id),
        lambda: own.state(DIGEST, "police", "ab" * 16),
    ):
        with pytest.raises(MissingError, match="You have no upload"):
            attempt()
    assert own.state(DIGEST, "police", state.id) == state


@pytest.mark.parametrize("how", ["short", "long", "altered"])
def test_a_part_that_is_not_what_was_said_leaves_nothing(
    own: Uploads, objects: Folder, admitted: Database, how: str
):
    state = opened(own)
    part = parts_of(FILE)[0]
    sent = {"short": part[:-1], "long": part + b"x", "altered": part[:-1] + b"?"}[how]
    with pytest.raises((InputError, VerificationError), match="art 0"):
        send(own, "police", state, 0, sent, said=sha256(part))
    assert list(objects.list()) == []
    assert counted(admitted) == (1, 0, 0)
    send(own, "police", state, 0, part)


def test_a_part_has_one_content(own: Uploads):
    state = opened(own)
    send(own, "police", state, 0, parts_of(FILE)[0])
    with pytest.raises(ConflictError, match="Other bytes are there as part 0"):
        own.begin_part(DIGEST, "police", state.id, 0, "00" * 32)
    for number in (-1, 4, 10**6):
        with pytest.raises(InputError, match="4 parts, numbered from 0"):
            own.begin_part(DIGEST, "police", state.id, number, "00" * 32)


def test_two_contents_of_one_part_at_once(own: Uploads):
    """The slower is refused, and the file is that of the quicker, bit for bit."""
    state, (first, *others) = opened(own), parts_of(FILE)
    other = os.urandom(PART)
    slow = own.begin_part(DIGEST, "police", state.id, 0, sha256(other))
    with slow:
        slow.write(other)
        send(own, "police", state, 0, first)
        with pytest.raises(ConflictError, match="Other bytes are there"):
            slow.finish()
    for number, part in enumerate(others, 1):
        send(own, "police", state, number, part)
    push(own, "police", FILE)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_part_of_an_abandoned_upload_is_not_kept(own: Uploads, objects: Folder, when: str):
    state, part = opened(own), parts_of(FILE)[0]
    send(own, "police", state, 1, parts_of(FILE)[1])
    late = own.begin_part(DIGEST, "police", state.id, 0, sha256(part))
    with late:
        late.write(part)
        if when == "before":
            own.abandon(DIGEST, "police", state.id)
            with pytest.raises(MissingError):
                late.finish()
        else:
            late.finish()
            own.abandon(DIGEST, "police", state.id)
    assert list(objects.list()) == []
    with pytest.raises(MissingError):
        own.abandon(DIGEST, "police", state.id)
    push(own, "police", FILE)


def test_what_is_committed_cannot_be_abandoned(own: Uploads):
    push(own, "police", FILE)
    with pytest.raises(ConflictError, match="is committed"):
        own.abandon(DIGEST, "police", opened(own).id)


def test_only_so_many_are_open(own: Uploads, objects: Folder, clock: Clock):
    """The oldest gives way, with its parts; another agency's does not."""
    cares = opened(own, file_of("care"), "care")
    states = []
    for seed in range(LIMITS.most_open + 1):
        data = file_of("police", seed=seed)
        states.append(opened(own, data))
        send(own, "police", states[-1], 0, parts_of(data)[0])
        clock.now += timedelta(seconds=1)
    with pytest.raises(MissingError, match="given up for a newer one"):
        own.state(DIGEST, "police", states[0].id)
    assert {key.split("/")[1] for key in objects.list()} == {state.id for state in states[1:]}
    assert own.state(DIGEST, "care", cares.id) == cares


def test_a_file_that_is_too_large_is_refused_at_once(own: Uploads, admitted: Database):
    with pytest.raises(PolicyError, match=r"16,777,217 bytes, and this matcher takes 16,777,216"):
        own.open(DIGEST, "police", 1, Announcement("00" * 32, LIMITS.most_bytes + 1))
    assert counted(admitted) == (0, 0, 0)


def _altered(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


UNFIT = {
    "care's": (file_of("care"), "in the name of another agency"),
    "scheme": (file_of("police", scheme_digest="00" * 32), "under another scheme"),
    "altered": (_altered(FILE), "altered or cut short"),
    "no arrow": (os.urandom(100_000), "not laid out"),
    "cut": (FILE[:-1000], "not laid out"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_a_file_that_does_not_fit_is_refused_before_it_counts(
    own: Uploads, objects: Folder, admitted: Database, kind: str
):
    data, said = UNFIT[kind]
    state = opened(own, data)
    with pytest.raises(UnfitError, match=said):
        push(own, "police", data)
    assert list(objects.list()) == []
    assert logged(admitted) == [("upload.refused", "matcher")]
    found = own.state(DIGEST, "police", state.id)
    assert found.state == "refused"
    assert found.reason
    with pytest.raises(UnfitError, match=found.reason):
        own.commit(AGREEMENT, "police", state.id, manifest(state, data, POLICE))
    with pytest.raises(ConflictError, match="is refused"):
        send(own, "police", state, 0, b"x")
    with pytest.raises(InputError, match="not committed"):
        own.open_file(state.id)
    assert len(logged(admitted)) == 1
    push(own, "police", FILE)
    assert counted(admitted)[0] == 2


OTHER_MANIFESTS: list[dict[str, object]] = [
    {"upload": "00" * 16}, {"sha256": "00" * 32}, {"size": len(FILE) - 1}, {"round": 2},
    {"parts": ("00" * 32,) * 4}, {"epoch": 2}, {"agreement": "00" * 32},
]  # fmt: skip


def test_another_manifest_changes_nothing(own: Uploads, admitted: Database):
    state = opened(own)
    for number, part in enumerate(parts_of(FILE)):
        send(own, "police", state, number, part)
    for changes in OTHER_MANIFESTS:
        with pytest.raises(VerificationError):
            own.commit(AGREEMENT, "police", state.id, manifest(state, FILE, POLICE, **changes))
    with pytest.raises(VerificationError, match="isn't that of what was received"):
        own.commit(AGREEMENT, "police", state.id, manifest(state, FILE, CARE))
    assert own.state(DIGEST, "police", state.id).state == "open"
    assert logged(admitted) == []


@pytest.mark.parametrize("changes", [{"rows": 1999}, {"encodings": "00" * 32}])
def test_a_manifest_with_other_rows_is_refused_for_good(own: Uploads, changes):
    state = opened(own)
    for number, part in enumerate(parts_of(FILE)):
        send(own, "police", state, number, part)
    with pytest.raises(UnfitError, match="other rows than its manifest says"):
        own.commit(AGREEMENT, "police", state.id, manifest(state, FILE, POLICE, **changes))
    assert own.state(DIGEST, "police", state.id).state == "refused"


def test_a_run_is_told_in_the_same_transaction(admitted: Database, objects: Folder):
    told = []

    def refuse(connection: object, digest: str, number: int) -> None:
        told.append((digest, number))
        raise LinkageError("the run could not be queued")

    with pytest.raises(LinkageError, match="could not be queued"):
        push(service(admitted, objects, on_commit=refuse), "police", FILE)
    assert counted(admitted)[2] == 0
    assert logged(admitted) == []
    own = service(admitted, objects, on_commit=lambda _c, *about: told.append(about))
    push(own, "police", FILE)
    push(own, "police", FILE)
    assert told == [(DIGEST, 1)] * 2


def test_many_at_once_commit_once_each(own: Uploads, admitted: Database):
    """Each agency pushes from several places at the same time."""
    agencies = ("police", "care", "health")
    files = {agency: file_of(agency) for agency in agencies}
    with ThreadPoolExecutor(9) as pool:
        receipts = list(pool.map(lambda agency: push(own, agency, files[agency]), agencies * 3))
    assert len(set(receipts)) == 3
    assert sorted(logged(admitted)) == sorted(("upload.committed", own) for own in agencies)
    assert counted(admitted) == (3, 12, 3)


def test_old_ones_and_what_belongs_to_none_are_forgotten(
    own: Uploads, admitted: Database, objects: Folder
):
    push(own, "care", file_of("care"))
    state = opened(own)
    send(own, "police", state, 0, parts_of(FILE)[0])
    objects.put(f"uploads/{'ab' * 16}/parts/000000.{'00' * 32}", b"left by a killed process")
    committed = {key for key in objects.list() if state.id not in key and "abab" not in key}
    kept = {key for key in objects.list() if "abab" not in key}
    assert tidy_uploads(admitted, objects, 7, NOW + timedelta(days=7)) == 0
    assert set(objects.list()) == kept
    assert tidy_uploads(admitted, objects, 7, NOW + timedelta(days=8)) == 1
    assert set(objects.list()) == committed
    with pytest.raises(MissingError, match="expired"):
        own.state(DIGEST, "police", state.id)


def test_no_agency_stands_in_the_name_of_an_object(own: Uploads, objects: Folder):
    push(own, "police", FILE)
    assert all("police" not in key for key in objects.list())


def test_reading_across_parts(own: Uploads):
    state = opened(own)
    push(own, "police", FILE)
    with own.open_file(state.id) as file:
        assert file.seek(0, io.SEEK_END) == len(FILE)
        for at in (0, PART - 1, PART, 2 * PART + 17, len(FILE) - 1, len(FILE) + 5):
            file.seek(at)
            assert file.read(PART + 3) == FILE[at : at + PART + 3]


@pytest.fixture(autouse=True)
def nothing_is_left_half_written(tmp_path: Path) -> Iterator[None]:
    yield
    drafts = tmp_path / "objects" / ".drafts"
    assert not drafts.exists() or not list(drafts.iterdir())


def test_a_full_disk_is_survived(admitted: Database, tmp_path: Path):
    """A part that doesn't fit is refused and leaves nothing; with room again it is taken."""
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", small]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        own = service(admitted, Folder(small))
        state, parts = opened(own), parts_of(FILE)
        send(own, "police", state, 0, parts[0])
        (small / "filler").write_bytes(bytes(200_000))
        with pytest.raises(ObjectsError, match="No space left"):
            send(own, "police", state, 1, parts[1])
        assert own.state(DIGEST, "police", state.id).received == (0,)
        assert not list((small / ".drafts").iterdir())
        (small / "filler").unlink()
        push(own, "police", FILE)
    finally:
        subprocess.run(["umount", small], check=True)
    assert logged(admitted) == [("upload.committed", "police")]


@pytest.mark.parametrize("lost_at", range(0, 24, 3))
def test_a_lost_connection_to_the_database_is_survived(
    postgres: Server, tmp_path: Path, lost_at: int
):
    """The server ends the session at any statement: an error is said, and a retry succeeds."""
    name = f"test_{uuid.uuid4().hex}"
    postgres.execute(f"CREATE DATABASE {name}")
    database = open_database(postgres.url(name))
    migrate(database)
    admit(database)
    (tmp_path / "objects").mkdir()
    own = service(database, Folder(tmp_path / "objects"))
    state, statements = opened(own), itertools.count()

    def lose(*_arguments: object) -> None:
        if next(statements) == lost_at:
            postgres.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                f"WHERE datname = '{name}' AND pid <> pg_backend_pid()"
            )

    listen.listen(database._engine, "before_cursor_execute", lose)
    failures = []
    for _ in range(3):
        try:
            push(own, "police", FILE)
            break
        except DatabaseError as error:
            failures.append(str(error))
    assert len(failures) <= 1
    assert all("if it was lost while a change was being stored" in said for said in failures)
    assert logged(database) == [("upload.committed", "police")]
    assert own.state(DIGEST, "police", state.id).state == "committed"
    database.close()
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")
