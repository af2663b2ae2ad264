"""Backups: everything comes back, onto either database, and nothing from a damaged file."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, text, update

from linkage.errors import InputError, LinkageError, PolicyError
from matcher.backups import manifest as manifest_module
from matcher.backups import restoring as restoring_module
from matcher.backups import rows as rows_module
from matcher.backups import writing as writing_module
from matcher.backups.failures import BackupError
from matcher.backups.manifest import MANIFEST, NOTE, OBJECTS, Manifest, sign_manifest
from matcher.backups.named import named_objects
from matcher.backups.restoring import Restorer
from matcher.backups.rows import tables
from matcher.backups.writing import BackupWriter
from matcher.ledger.verifying import verify_stored_log
from matcher.objects.bucket import Bucket
from matcher.objects.failures import ObjectMissingError, ObjectsError
from matcher.objects.folder import Folder
from matcher.objects.objects import Draft, Objects
from matcher.store.database import Database
from matcher.store.failures import VersionError
from matcher.store.migrating import migrate, needed_version
from matcher.store.tables import nonces, uploads
from matcher.uploads.rows import find, parts_of
from tests.databases import Server, open_database
from tests.linkage.audit.made_up import LOG, SignatureType, signer
from tests.matcher.service_data import Data, fill

pytest_plugins = ["tests.matcher.buckets"]
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def data(database: Database, tmp_path: Path) -> Data:
    return fill(database, Folder(tmp_path / "objects"))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Data]:
    """Give a filled matcher on SQLite, for what doesn't depend on the database."""
    database = open_database(f"sqlite:///{tmp_path / 'small.sqlite'}")
    migrate(database)
    yield fill(database, Folder(tmp_path / "objects"))
    database.close()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[tuple[Database, Objects]]:
    """Give the place of a database that isn't there yet, and an empty store."""
    database = open_database(f"sqlite:///{tmp_path / 'elsewhere.sqlite'}")
    (tmp_path / "elsewhere").mkdir()
    yield database, Folder(tmp_path / "elsewhere")
    database.close()


def back_up(data: Data, out: Path, at: datetime = NOW) -> Path:
    BackupWriter(data.database, data.objects, LOG, lambda: at).write(out)
    return out


def restore(path: Path, place: tuple[Database, Objects]) -> Manifest:
    return Restorer(*place, LOG.verifier).restore(path)


def content(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    with database.reading() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(select(table).order_by(*table.primary_key.columns))
            ]
            for table in tables()
        }


def stored(objects: Objects) -> dict[str, bytes]:
    return {key: objects.get(key) for key in objects.list()}


def kept(data: Data) -> dict[str, bytes]:
    """Return the objects that a backup must hold: not those of the refused upload."""
    refused = f"uploads/{data.uploads[-1]}/"
    found = stored(data.objects)
    assert len(found) == 19
    return {key: value for key, value in found.items() if not key.startswith(refused)}


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {info.name: tar.extractfile(info).read() for info in tar}


def write_tar(path: Path, contents: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def resigned(contents: dict[str, bytes], log=LOG) -> dict[str, bytes]:
    """Return the members with a manifest of what they are now, signed."""
    ends = json.loads(contents[MANIFEST])
    rest = {name: data for name, data in contents.items() if name not in (MANIFEST, NOTE)}
    ends["members"] = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        for name, data in rest.items()
    }
    manifest = json.dumps(ends, sort_keys=True, separators=(",", ":")).encode()
    return {**rest, MANIFEST: manifest, NOTE: sign_manifest(manifest, log)}


def require_nothing(place: tuple[Database, Objects]) -> None:
    database, objects = place
    assert not database.path.exists()
    assert not list(objects.list())


def test_everything_comes_back(data: Data, elsewhere, tmp_path: Path):
    path = back_up(data, tmp_path / "backup.tar")
    manifest = restore(path, elsewhere)
    assert content(elsewhere[0]) == content(data.database)
    assert stored(elsewhere[1]) == kept(data)
    assert (manifest.made, manifest.log_size) == (int(NOW.timestamp()), 7)
    verify_stored_log(elsewhere[0], LOG.verifier)


def test_the_log_goes_on_after_a_restore(data: Data, elsewhere, tmp_path: Path):
    restore(back_up(data, tmp_path / "backup.tar"), elsewhere)
    again = Data(*elsewhere, type(data.ledger)(elsewhere[0], LOG), data.agreement)
    again.open_round(2)
    again.upload("police", 9, round_=2)
    assert verify_stored_log(elsewhere[0], LOG.verifier).checkpoint.size == 8


def test_a_matcher_moves_to_postgresql_and_s3(
    small: Data, postgres: Server, bucket_name: str, tmp_path: Path
):
    path = back_up(small, tmp_path / "backup.tar")
    postgres.execute("CREATE DATABASE moved")
    database = open_database(postgres.url("moved"))
    bucket = Bucket(bucket_name, "matcher")
    try:
        restore(path, (database, bucket))
        assert content(database) == content(small.database)
        assert stored(bucket) == kept(small)
        moved = Data(database, bucket, small.ledger)
        back = tuple(members(back_up(moved, tmp_path / "again.tar")).items())
        assert back == tuple(members(path).items())
    finally:
        database.close()
        postgres.execute("DROP DATABASE moved WITH (FORCE)")


def test_the_same_state_gives_the_same_bytes(data: Data, tmp_path: Path):
    one, other = back_up(data, tmp_path / "1.tar"), back_up(data, tmp_path / "2.tar")
    assert one.read_bytes() == other.read_bytes()


def test_the_backup_is_its_owners_alone_and_holds_no_key(small: Data, tmp_path: Path):
    path = back_up(small, tmp_path / "backup.tar")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    whole = path.read_bytes()
    assert LOG.private.private_bytes_raw() not in whole
    assert b"PRIVATE KEY" not in whole
    assert [name.split("/")[0] for name in members(path)][-3:] == [
        "objects", MANIFEST, NOTE
    ]  # fmt: skip


def test_an_earlier_backup_is_never_overwritten(small: Data, tmp_path: Path):
    path = tmp_path / "backup.tar"
    path.write_bytes(b"precious")
    with pytest.raises(InputError, match="nothing is overwritten"):
        back_up(small, path)
    assert path.read_bytes() == b"precious"


def test_a_backup_is_of_one_moment(data: Data, elsewhere, tmp_path: Path, monkeypatch):
    """Others commit after each table that is read, and after the rows are read."""
    before = content(data.database)
    real, turns = rows_module.read_rows, iter(range(100))

    def read_rows(connection, table):
        yield from real(connection, table)
        if table.name in {"agreements", "uploads", "log_events"}:
            number = next(turns)
            data.open_round(number + 2)
            data.upload("police", 700, round_=number + 2)

    monkeypatch.setattr(writing_module, "read_rows", read_rows)
    path = back_up(data, tmp_path / "backup.tar")
    assert next(turns) == 3
    restore(path, elsewhere)
    assert content(elsewhere[0]) == before


class Vanishing(Folder):
    """A store in which something happens when an object is opened."""

    def __init__(self, root: Path, happens) -> None:
        super().__init__(root)
        self._happens = happens

    def open(self, key: str):
        self._happens(key)
        return super().open(key)


def test_an_upload_that_is_dropped_meanwhile_is_left_out(small: Data, tmp_path: Path, elsewhere):
    gone = small.uploads[1]

    def drop(key: str) -> None:
        with small.database.writing() as connection:
            connection.execute(update(uploads).where(uploads.c.id == gone).values(state="erased"))
        small.objects.delete_below(f"uploads/{gone}")

    store = Vanishing(tmp_path / "objects", drop)
    BackupWriter(small.database, store, LOG, lambda: NOW).write(tmp_path / "backup.tar")
    restore(tmp_path / "backup.tar", elsewhere)
    assert not any(gone in key for key in elsewhere[1].list())
    assert content(elsewhere[0]) == content(small.database)


def test_an_object_that_is_lost_is_said(small: Data, tmp_path: Path):
    key = list(small.objects.list(f"uploads/{small.uploads[1]}"))[1]
    small.objects.delete(key)
    with pytest.raises(ObjectMissingError, match=key):
        back_up(small, tmp_path / "backup.tar")
    assert not (tmp_path / "backup.tar").exists()
    assert not list(tmp_path.glob("*.partial"))


def test_an_object_that_was_damaged_is_said(small: Data, tmp_path: Path):
    key = list(small.objects.list(f"uploads/{small.uploads[1]}"))[1]
    small.objects.put(key, b"x" * 1000)
    with pytest.raises(BackupError, match=f"{key} isn't what was received"):
        back_up(small, tmp_path / "backup.tar")
    assert not (tmp_path / "backup.tar").exists()


@pytest.mark.parametrize("damage", ["another", "gone"])
def test_what_a_run_has_made_is_held_against_its_row(small: Data, tmp_path: Path, damage: str):
    """A damaged or lost file of a run shows when it is backed up, not when it is needed."""
    key = next(small.objects.list(f"runs/{small.runs[0]}"))
    content = small.objects.get(key)
    if damage == "another":
        small.objects.put(key, content[:-1] + bytes([content[-1] ^ 1]))
    else:
        small.objects.delete(key)
    with pytest.raises((BackupError, ObjectMissingError), match=key):
        back_up(small, tmp_path / "backup.tar")
    assert not (tmp_path / "backup.tar").exists()


def test_what_another_attempt_at_a_run_has_left_is_no_part_of_it(
    small: Data, tmp_path: Path, elsewhere
):
    before = kept(small)
    small.objects.put(f"runs/{small.runs[0]}/2/links.parquet", b"left by a worker that was killed")
    restore(back_up(small, tmp_path / "backup.tar"), elsewhere)
    assert stored(elsewhere[1]) == before


def test_more_objects_than_a_manifest_has_room_for_are_said_before_any_is_read(
    small: Data, tmp_path: Path, monkeypatch
):
    def refuse(key: str) -> None:
        raise AssertionError(f"{key} was read")

    store = Vanishing(tmp_path / "objects", refuse)
    writer = BackupWriter(small.database, store, LOG, lambda: NOW)
    monkeypatch.setattr(manifest_module, "MOST_BYTES", (1 << 16) + 1000)
    for act in (writer.plan, writer.write):
        with pytest.raises(BackupError, match=r"There are \d+ members to be backed up"):
            act(tmp_path / "backup.tar")
    assert not list(tmp_path.glob("backup*"))


def test_what_has_room_makes_a_manifest_that_can_be_read(made: Path, monkeypatch):
    """The room that is asked for beforehand is never less than what is needed."""
    content = members(made)[MANIFEST]
    names = json.loads(content)["members"]
    monkeypatch.setattr(manifest_module, "MOST_BYTES", len(content))
    with pytest.raises(BackupError):
        manifest_module.require_room(names)
    monkeypatch.setattr(manifest_module, "_REST", 400)
    monkeypatch.setattr(manifest_module, "MOST_BYTES", len(content) + 16 * len(names) + 400)
    manifest_module.require_room(names)


def test_a_value_of_another_type_is_said(small: Data, tmp_path: Path):
    with small.database.writing() as connection:
        connection.execute(text("UPDATE nonces SET expires = 'soon'"))
    with pytest.raises(LinkageError, match=r"a str in nonces\.expires"):
        back_up(small, tmp_path / "backup.tar")


def test_many_rows_make_many_members(small: Data, elsewhere, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(rows_module, "CHUNK_BYTES", 2000)
    with small.database.writing() as connection:
        connection.execute(
            insert(nonces), [{"value": f"nonce {n}", "expires": n} for n in range(1234)]
        )
    path = back_up(small, tmp_path / "backup.tar")
    assert sum(name.startswith("tables/nonces/") for name in members(path)) > 10
    restore(path, elsewhere)
    assert content(elsewhere[0]) == content(small.database)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a backup."""
    folder = tmp_path_factory.mktemp("made")
    database = open_database(f"sqlite:///{folder / 'matcher.sqlite'}")
    migrate(database)
    data = fill(database, Folder(folder / "objects"))
    path = back_up(data, folder / "backup.tar")
    database.close()
    return path


@settings(max_examples=60)
@given(draw=st.data())
def test_a_byte_that_changed_or_a_cut_changes_nothing(made: Path, tmp_path_factory, draw):
    """Every byte of the tar counts, but for the padding and fields that tar ignores."""
    folder = tmp_path_factory.mktemp("damaged")
    whole = bytearray(made.read_bytes())
    at = draw.draw(st.integers(0, len(whole) - 1))
    if draw.draw(st.booleans()):
        del whole[at:]
    else:
        whole[at] ^= draw.draw(st.integers(1, 255))
    damaged = folder / "damaged.tar"
    damaged.write_bytes(whole)
    (folder / "objects").mkdir()
    place = open_database(f"sqlite:///{folder / 'new.sqlite'}"), Folder(folder / "objects")
    try:
        restore(damaged, place)
    except BackupError:
        require_nothing(place)
    else:  # then nothing that counts was hit
        assert _same(members(damaged), members(made))
    finally:
        place[0].close()


def _same(one: dict[str, bytes], other: dict[str, bytes]) -> bool:
    return list(one.items()) == list(other.items())


def test_every_part_that_counts_is_held_against_its_digest(made: Path, elsewhere, tmp_path: Path):
    whole = members(made)
    for name in whole:
        altered = dict(whole)
        altered[name] = altered[name][:-1] + bytes([altered[name][-1] ^ 1])
        path = write_tar(tmp_path / "altered.tar", altered)
        with pytest.raises(BackupError):
            restore(path, elsewhere)
        del altered[name]
        with pytest.raises(BackupError):
            restore(write_tar(path, altered), elsewhere)
    require_nothing(elsewhere)


@pytest.mark.parametrize("where", ["first", "last"])
def test_nothing_may_stand_beside_the_members(made: Path, elsewhere, tmp_path: Path, where: str):
    added = {"objects/runs/ff/links.parquet": b"more"}
    whole = {**added, **members(made)} if where == "first" else {**members(made), **added}
    with pytest.raises(BackupError):
        restore(write_tar(tmp_path / "more.tar", whole), elsewhere)
    require_nothing(elsewhere)


def test_a_backup_of_another_log_is_refused(made: Path, elsewhere, tmp_path: Path):
    other = signer(LOG.name, SignatureType.LOG, "another seed")
    path = write_tar(tmp_path / "other.tar", resigned(members(made), other))
    with pytest.raises(BackupError, match="isn't signed by this matcher's log"):
        restore(path, elsewhere)
    require_nothing(elsewhere)


def test_a_signed_backup_whose_log_does_not_verify_is_refused(
    made: Path, elsewhere, tmp_path: Path
):
    whole = members(made)
    name = "tables/log_nodes/000000.jsonl"
    whole[name] = b"\n".join(whole[name].split(b"\n")[:-3]) + b"\n"
    with pytest.raises(LinkageError, match="log"):
        restore(write_tar(tmp_path / "log.tar", resigned(whole)), elsewhere)
    require_nothing(elsewhere)


@pytest.mark.parametrize(
    "row", [b"[]", b"{", b'["a",1,2]', b"[1,2]", b'["a",true]', b'["a",{"b":"AA"}]', b'["a",{}]']
)
def test_rows_that_are_none_are_refused(made: Path, elsewhere, tmp_path: Path, row: bytes):
    whole = members(made)
    whole["tables/nonces/000000.jsonl"] += row + b"\n"
    with pytest.raises(BackupError, match="rows of nonces"):
        restore(write_tar(tmp_path / "rows.tar", resigned(whole)), elsewhere)
    require_nothing(elsewhere)


@pytest.mark.parametrize("version", ["0001", "9999"])
def test_another_version_is_refused(made: Path, elsewhere, tmp_path: Path, version: str):
    whole = members(made)
    whole[MANIFEST] = whole[MANIFEST].replace(
        f'"version":"{needed_version()}"'.encode(), f'"version":"{version}"'.encode()
    )
    with pytest.raises(VersionError, match=f"version {version}"):
        restore(write_tar(tmp_path / "version.tar", resigned(whole)), elsewhere)
    require_nothing(elsewhere)


def test_a_database_of_a_newer_release_is_left_alone(made: Path, database: Database, elsewhere):
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(VersionError, match="newer release"):
        restore(made, (database, elsewhere[1]))
    assert not list(elsewhere[1].list())


def test_a_database_with_rows_is_left_alone(made: Path, data: Data, elsewhere):
    before = content(data.database)
    with pytest.raises(PolicyError, match="nothing is overwritten"):
        restore(made, (data.database, elsewhere[1]))
    assert content(data.database) == before
    assert not list(elsewhere[1].list())


def test_one_nonce_is_enough_to_refuse(made: Path, database: Database, elsewhere):
    with database.writing() as connection:
        connection.execute(insert(nonces).values(value="a nonce", expires=1))
    with pytest.raises(PolicyError, match="rows in nonces"):
        restore(made, (database, elsewhere[1]))


def test_tables_without_rows_are_empty(made: Path, database: Database, elsewhere):
    restore(made, (database, elsewhere[1]))
    verify_stored_log(database, LOG.verifier)


def test_other_objects_of_the_same_keys_are_left_alone(made: Path, elsewhere):
    database, objects = elsewhere
    key = next(name for name in members(made) if name.startswith(OBJECTS)).removeprefix(OBJECTS)
    objects.put(key, b"another")
    with pytest.raises(PolicyError, match="holds another object"):
        restore(made, elsewhere)
    assert stored(objects) == {key: b"another"}
    assert not database.path.exists()


@pytest.mark.parametrize("key", ["uploads/aa/parts/000000.bb", "runs/aa/1/links.parquet"])
def test_a_store_with_objects_of_a_later_time_is_left_alone(made: Path, elsewhere, key: str):
    """As when a database is put back beside a bucket that has gone on."""
    database, objects = elsewhere
    objects.put(key, b"newer than the backup")
    with pytest.raises(PolicyError, match=f"1 objects that aren't the backup's, such as {key}"):
        restore(made, elsewhere)
    assert stored(objects) == {key: b"newer than the backup"}
    assert not database.path.exists()


@pytest.mark.parametrize("change", ["less", "more", "other"])
def test_a_file_that_is_changed_after_it_was_verified_changes_nothing(
    made: Path, elsewhere, tmp_path: Path, monkeypatch, change: str
):
    path, verified = tmp_path / "backup.tar", []
    path.write_bytes(made.read_bytes())
    real, whole = restoring_module.verify_backup, members(made)
    last = [name for name in whole if name.startswith(OBJECTS)][-1]

    def verify(file, key):
        verified.append(real(file, key))
        rest = {name: data for name, data in whole.items() if name not in (MANIFEST, NOTE)}
        if change == "less":
            del rest[last]
        elif change == "more":
            rest[f"{last}x"] = b"more"
        else:
            rest[last] = bytes(len(rest[last]))
        write_tar(path, rest)
        return verified[-1]

    monkeypatch.setattr(restoring_module, "verify_backup", verify)
    with pytest.raises(BackupError, match="changed while it was read"):
        restore(path, elsewhere)
    assert len(verified) == 1
    require_nothing(elsewhere)


def test_objects_that_are_there_already_will_do(made: Path, elsewhere):
    """As after a restore that was killed, or a database that was lost alone."""
    restore(made, elsewhere)
    before = stored(elsewhere[1])
    elsewhere[0].close()
    elsewhere[0].path.unlink()
    restore(made, elsewhere)
    assert stored(elsewhere[1]) == before


class Full(Folder):
    """A store whose disk is full after some objects."""

    def __init__(self, root: Path, room: int) -> None:
        super().__init__(root)
        self._room = room

    def draft(self, key: str) -> Draft:
        self._room -= 1
        if self._room < 0:
            raise ObjectsError("The store of objects is full.")
        return super().draft(key)


@pytest.mark.parametrize("room", [0, 1, 10])
def test_a_full_store_changes_nothing(made: Path, elsewhere, tmp_path: Path, room: int):
    (tmp_path / "full").mkdir()
    full = Full(tmp_path / "full", room)
    with pytest.raises(ObjectsError, match="full"):
        restore(made, (elsewhere[0], full))
    require_nothing((elsewhere[0], full))


def test_the_parts_are_where_uploads_put_them(small: Data):
    """The keys are made from the rows in two places, which must agree."""
    with small.database.reading() as connection:
        upload = find(connection, small.uploads[0])
        parts = parts_of(connection, upload.id)
        named = {one.key: one.sha256 for one in named_objects(connection)}
    assert len(parts) == 3
    for number, sha256 in parts.items():
        assert named[upload.key(number, sha256)] == sha256
