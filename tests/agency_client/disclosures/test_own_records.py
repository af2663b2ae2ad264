"""An agency's own records by their tokens: found, or refused with what to mend."""

from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agency_client.disclosures.office import agreed, require_plain
from agency_client.disclosures.own_records import (
    OwnFiles,
    fields_of,
    read_record_ids,
    record_ids_of,
    tokens_of,
)
from agency_client.keystore.store import OpenKeystore
from agency_client.reading.source import QuerySource, file_source
from agency_client.signatures import signature_path
from linkage.errors import InputError, NotReadyError, PolicyError
from tests.agency_client.disclosures.scene import HEADER, ONE, TWO, Scene, token
from tests.agency_client.disclosures.test_life import approved, done
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.parties import POLICE, identity

ROW = "{id},{given},{surname},14/03/2011,1 High Street,Leeds,LS1 1AA\n"
FIELDS = ("given_name", "surname")


def own_files(folder: Path, *rows: str, columns: str = "") -> OwnFiles:
    (folder / "own.csv").write_text(HEADER + "".join(rows), encoding="utf-8")
    (folder / "own.toml").write_text(columns + '[fields]\ntown = "city"\n')
    return OwnFiles(file_source(folder / "own.csv"), folder / "no.parquet", folder / "own.toml")


def row(record: str, given: str, surname: str) -> str:
    return ROW.format(id=record, given=given, surname=surname)


def found(own: OwnFiles, *wanted: str):
    return fields_of(wanted, own, AGREEMENT.scheme, FIELDS)


def test_only_what_is_wanted_is_read(tmp_path: Path):
    own = own_files(
        tmp_path, row(" a ", " Zoë ", "O'Connor"), row("b", "Bo", ""), row("c", "C", "C")
    )
    assert found(own, "a", "b") == {
        "a": {"given_name": "Zoë", "surname": "O'Connor"}, "b": {"given_name": "Bo"},
    }  # fmt: skip


def test_alternates_stand_side_by_side(tmp_path: Path):
    rows = (row("a", "Ada", "Byron"), row("b", "Bo", "Bo"), row("a", "Ada", "King"))
    own = own_files(tmp_path, *rows, columns='repeats = "alternates"\n')
    assert found(own, "a") == {"a": {"given_name": "Ada", "surname": "Byron; King"}}
    with pytest.raises(InputError, match="more than once"):
        found(own_files(tmp_path, *rows), "a")


def test_a_record_that_the_extract_lacks_is_told(tmp_path: Path):
    with pytest.raises(InputError, match="1 of 2 records that are asked for aren't in own"):
        found(own_files(tmp_path, row("a", "Ada", "Byron")), "a", "b")


def test_a_map_that_is_none_is_told(tmp_path: Path):
    path = tmp_path / "own.map.parquet"
    for table in (
        pa.table({"record_id": ["a"]}),
        pa.table({"record_token": [1], "record_id": ["a"]}),
    ):
        pq.write_table(table, path)
        with pytest.raises(InputError, match="is no map"):
            record_ids_of([bytes(16)], path)
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match="is no map"):
        tokens_of(["a"], path)


def test_ids_come_in_a_column(tmp_path: Path):
    path = tmp_path / "ids.csv"
    path.write_text("record_id,why\nb,x\na,y\nb,z\n")
    assert read_record_ids(path) == ["a", "b"]
    for text in ("id\na\n", "record_id,why\n,x\n"):
        path.write_text(text)
        with pytest.raises(InputError):
            read_record_ids(path)


def test_a_query_stands_for_an_extract(tmp_path: Path):
    database = tmp_path / "own.sqlite"
    with sqlite3.connect(database) as connection:
        connection.execute(f"CREATE TABLE people ({HEADER})")
        connection.execute(
            "INSERT INTO people VALUES ('a', 'Ada', 'Byron', '14/03/2011', 'x', 'Leeds', 'LS1 1AA')"
        )
    connection.close()
    query, url = tmp_path / "query.sql", tmp_path / "url"
    query.write_text("SELECT * FROM people")
    url.write_text(f"sqlite:///{database}")
    url.chmod(0o600)
    own = own_files(tmp_path, row("x", "X", "X"))
    source = OwnFiles(QuerySource(query, url), own.map, own.columns)
    assert found(source, "a") == {"a": {"given_name": "Ada", "surname": "Byron"}}


def test_a_value_without_end_is_not_cut(scene: Scene):
    digest = approved(scene)
    text = scene.extract("police").read_text().replace("Ada Maria", "A" * 10_001)
    scene.extract("police").write_text(text)
    words = ("--extract", scene.extract("police"), "--map", scene.own_map("police"),
             "--columns", scene.folder / "columns.toml", "--yes")  # fmt: skip
    refused = scene.run("police", "release", digest, *words)
    assert (refused.exit_code, "10,000 characters" in refused.stderr) == (1, True)
    assert not any("sealed" in line for line in scene.matcher.received)


def test_a_record_in_two_clusters_is_found_for_each(scene: Scene):
    tokens = [token("police", ONE), token("police", TWO)]
    assert record_ids_of(tokens, scene.own_map("police")) == dict(
        zip(tokens, ("police-1", "police-2"), strict=True)
    )
    assert tokens_of(["police-1"], scene.own_map("police")) == [tokens[0].hex()]


@pytest.mark.parametrize(
    "text",
    ["", "  ", "Born on 14/03/2011", "Call 07700 900123", "She lives in LS1 1AA", "a@example.org",
     "x" * 1001, "bell \x07"],
)  # fmt: skip
def test_a_reason_names_nobody(text: str):
    with pytest.raises(InputError):
        require_plain(text, "reason")


def test_a_reason_is_one_line():
    assert require_plain("  Seen\n twice. ", "reason") == "Seen twice."


def store(folder: Path, own=POLICE) -> OpenKeystore:
    return OpenKeystore(folder / "keys", own, bytes(32))


def test_work_is_under_an_agreement_in_force(scene: Scene):
    keys = store(scene.folder)
    (scene.folder / "keys").mkdir()
    assert agreed(keys, scene.agreement, date(2026, 3, 1)).digest() == AGREEMENT.digest()
    with pytest.raises(PolicyError, match="ended"):
        agreed(keys, scene.agreement, date(2027, 1, 1))
    assert agreed(keys, scene.agreement, date(2027, 1, 1), over=True) == AGREEMENT
    with pytest.raises(NotReadyError):
        agreed(keys, scene.agreement, date(2025, 1, 1), over=True)
    with pytest.raises(PolicyError, match="no party"):
        agreed(store(scene.folder, identity("police", 99)), scene.agreement, date(2026, 3, 1))
    signature_path(scene.agreement, "care").unlink()
    with pytest.raises(NotReadyError, match="care"):
        agreed(keys, scene.agreement, date(2027, 1, 1), over=True)


def test_what_was_asked_for_and_by_whom_is_beside_the_tables(scene: Scene):
    from tests.agency_client.disclosures.test_life import released

    digest = released(scene, by=("police",))
    done(scene.run("hub", "open", digest[:8], "--out", scene.folder / "opened"))
    about = " ".join((scene.folder / "opened" / "about.txt").read_text().split())
    assert digest in about
    assert "reference: MACE 12" in about
    assert "Erase it by 4 March 2026" in about
