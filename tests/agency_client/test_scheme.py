"""Choosing, explaining and importing schemes, as a person does it."""

import base64
import csv
import io
import json

import clkhash.clk
import clkhash.schema
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from agency_client.cli import cli
from agency_client.ready_schemes import ATTACKS, READY_SCHEMES, ready_scheme
from hashing.clk_json import parse_clks
from linkage.encodings import read_encodings
from linkage.errors import InputError
from linkage.protocol.agreement import parse_scheme
from tests.agency_client.conftest import CANARY

NAMES = [ready.name for ready in READY_SCHEMES]
SCHEMA = {
    "version": 3,
    "clkConfig": {"l": 1024, "kdf": {"type": "HKDF", "info": "aW5mbw==", "salt": "c2FsdA=="}},
    "features": [
        {"identifier": "INDEX", "ignored": True},
        {
            "identifier": "NAME freetext",
            "format": {"type": "string", "encoding": "utf-8", "case": "mixed"},
            "hashing": {
                "comparison": {"type": "ngram", "n": 2},
                "strategy": {"bitsPerFeature": 300},
                "missingValue": {"sentinel": "NULL", "replaceWith": ""},
            },
        },
        {
            "identifier": "DOB YYYY/MM/DD",
            "format": {"type": "date", "format": "%Y/%m/%d"},
            "hashing": {
                "comparison": {"type": "ngram", "n": 1, "positional": True},
                "strategy": {"bitsPerToken": 30},
            },
        },
        {
            "identifier": "GENDER M or F",
            "format": {"type": "enum", "values": ["M", "F"]},
            "hashing": {
                "comparison": {"type": "exact"},
                "strategy": {"bitsPerToken": 60},
                "hash": {"type": "doubleHash", "prevent_singularity": True},
            },
        },
    ],
}
PEOPLE = (
    "INDEX,NAME freetext,DOB YYYY/MM/DD,GENDER M or F\n"
    "1,Zo\u00eb Lee,2011/03/14,F\n"
    "2,NULL,1999/12/31,M\n"
)


def invoke(*words):
    return CliRunner().invoke(cli, [str(word) for word in words])


def ok(*words):
    done = invoke(*words)
    assert done.exit_code == 0, done.output
    return done


@pytest.mark.parametrize("name", NAMES)
def test_a_ready_scheme_shows_its_consequences_and_stands_in_an_agreement(tmp_path, name):
    done = ok("scheme", "show", name, "--out", tmp_path / "scheme.toml")
    text = " ".join(done.stdout.split())
    bits, groups = ("2,048", 8) if name == "x8-accurate" else ("768", 6)
    for word in (
        "protects",
        "loses",
        "F1",
        "recovered",
        f"{bits} bits a record, in {groups} groups",
    ):
        assert word in text
    agreement = tmp_path / "agreement.toml"
    head = '[agreement]\nid = "a"\ntitle = "t"\n\n'
    agreement.write_text(head + (tmp_path / "scheme.toml").read_text())
    explained = ok("scheme", "explain", agreement).stdout
    assert "Diffusion" in explained
    assert "WEAK" not in explained
    assert "Warning" not in explained
    for group in ready_scheme(name).scheme.group:
        assert f"\n{group.name}: " in explained


def test_the_list_has_all_of_them_in_text_and_json():
    listed = ok("scheme", "list").stdout
    found = json.loads(ok("scheme", "list", "--format", "json").stdout)
    assert [row["name"] for row in found] == NAMES
    assert all(f"{name}: " in listed for name in NAMES)
    assert found[0]["recovered_of_1000_dense"].keys() == set(ATTACKS)
    shown = json.loads(ok("scheme", "show", NAMES[0], "--format", "json").stdout)
    assert parse_scheme(shown["toml"], "x").digest() == shown["scheme_digest"]


def test_an_unknown_scheme_is_refused_with_the_known_ones():
    done = invoke("scheme", "show", "x9")
    assert done.exit_code == 1
    assert "x6, x6-private, x6-years, x8-accurate" in done.stderr


def test_the_variants_differ_as_they_say():
    schemes = {name: ready_scheme(name).scheme for name in NAMES}
    secret_bits = {
        name: sum(part.diffusion for group in scheme.group for part in group.parts)
        for name, scheme in schemes.items()
    }
    assert secret_bits["x6-private"] > secret_bits["x6"]
    assert all(scheme.local_suppression for scheme in schemes.values())
    assert {group.name for group in schemes["x6"].group} < {
        group.name for group in schemes["x8-accurate"].group
    }


def test_explain_says_what_is_joined_what_is_missing_and_what_becomes_of_damage(desk):
    text = ok("scheme", "explain", desk.folder / "agreement.toml").stdout
    assert "GP: given_name (and sex where present) × (address and postcode) (and city" in text
    assert "3 + 3 secret bits" in text
    assert "lacks given_name, or lacks both address and postcode" in " ".join(text.split())
    assert "or has the same value twice" in " ".join(text.split())
    assert "sex: a damaged value counts as missing" in text
    found = json.loads(
        ok("scheme", "explain", desk.folder / "agreement.toml", "--format", "json").stdout
    )
    assert found["bits"] == 3072


def imported(tmp_path, schema=SCHEMA, *more):
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    out = tmp_path / "part.toml"
    return invoke("scheme", "import-clkhash", tmp_path / "schema.json", "--out", out, *more)


@pytest.fixture
def clks(tmp_path):
    """An agency that encodes under an imported schema; its files."""
    assert imported(tmp_path).exit_code == 0
    part = (tmp_path / "part.toml").read_text()
    (tmp_path / "agreement.toml").write_text('[agreement]\nid = "a"\ntitle = "t"\n\n' + part)
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "columns.toml").write_text(
        'record_id = "INDEX"\n[fields]\nDOB_YYYY_MM_DD = "DOB YYYY/MM/DD"\n'
    )
    (tmp_path / "secret.key").write_text(CANARY)
    (tmp_path / "secret.key").chmod(0o600)
    done = ok(
        "encode", tmp_path / "people.csv", "--agreement", tmp_path / "agreement.toml",
        "--agency", "x", "--secret-file", tmp_path / "secret.key", "--out", tmp_path / "out.arrow",
        "--columns", tmp_path / "columns.toml", "--overrule", "plain on purpose",
    )  # fmt: skip
    assert "undiffused" in done.stderr
    return tmp_path


def by_clkhash():
    found = clkhash.clk.generate_clk_from_csv(
        io.StringIO(PEOPLE), CANARY, clkhash.schema.from_json_dict(SCHEMA), progress_bar=False
    )
    return [base64.b64encode(clk.tobytes()).decode() for clk in found]


def test_exported_clks_are_clkhashs_own(clks):
    words = ["scheme", "export-clks", clks / "out.arrow", "--out", clks / "clks.json"]
    ok(*words, "--tokens-out", clks / "tokens.txt")
    exported = json.loads((clks / "clks.json").read_text())["clks"]
    tokens = (clks / "tokens.txt").read_text().split()
    mapped = pq.read_table(clks / "out.map.parquet").to_pydict()
    ids = dict(zip(mapped["record_token"], mapped["record_id"], strict=True))
    in_order = dict(zip((ids[token] for token in tokens), exported, strict=True))
    expected = by_clkhash()
    assert in_order == {
        row["INDEX"]: expected[i] for i, row in enumerate(csv.DictReader(io.StringIO(PEOPLE)))
    }
    assert "tokens are lost" in ok(*words).stderr


def test_clks_are_read_back_into_encodings(clks):
    (clks / "clks.json").write_text(json.dumps({"clks": by_clkhash()}))
    done = ok(
        "scheme", "read-clks", clks / "clks.json", "--agreement", clks / "agreement.toml",
        "--agency", "x", "--out", clks / "back.arrow", "--format", "json",
    )  # fmt: skip
    assert json.loads(done.stdout)["rows"] == 2
    found = {}
    for name in ("out", "back"):
        with (clks / f"{name}.arrow").open("rb") as source:
            encodings = read_encodings(source, name)
        mapped = pq.read_table(clks / f"{name}.map.parquet").to_pydict()
        ids = dict(zip(mapped["record_token"], mapped["record_id"], strict=True))
        found[name] = {
            ids[token.tobytes().hex()]: bits.tolist()
            for token, bits in zip(encodings.tokens, encodings.bits, strict=True)
        }
        assert encodings.present.all()
    assert found["out"] == found["back"]


def test_encodings_of_several_groups_are_not_clks(desk):
    ok(*desk.arguments())
    done = invoke("scheme", "export-clks", desk.folder / "out.arrow", "--out", desk.folder / "c")
    assert done.exit_code == 1
    assert "6 groups" in done.stderr
    (desk.folder / "clks.json").write_text(json.dumps({"clks": by_clkhash()}))
    done = invoke(
        "scheme", "read-clks", desk.folder / "clks.json", "--agreement",
        desk.folder / "agreement.toml", "--agency", "health", "--out", desk.folder / "b.arrow",
    )  # fmt: skip
    assert done.exit_code == 1
    assert not (desk.folder / "b.arrow").exists()


def test_an_import_warns_and_names_the_columns(tmp_path):
    done = imported(tmp_path, SCHEMA, "--format", "json")
    found = json.loads(done.stdout)
    assert found["columns"]["DOB_YYYY_MM_DD"] == "DOB YYYY/MM/DD"
    assert "re-identifies" in done.stderr
    assert "double hashing" in done.stderr
    assert "ignores" in done.stderr
    text = (tmp_path / "part.toml").read_text()
    assert "# the column 'DOB YYYY/MM/DD'" in text
    assert parse_scheme(text, "part").digest() == found["scheme_digest"]


def test_a_schema_that_cannot_be_is_refused_and_nothing_is_written(tmp_path):
    wide = json.loads(json.dumps(SCHEMA))
    wide["features"][1]["hashing"]["comparison"]["n"] = 30
    done = imported(tmp_path, wide)
    assert done.exit_code == 1
    assert "'NAME freetext'" in done.stderr
    assert not (tmp_path / "part.toml").exists()


def test_a_schema_over_one_column_is_refused_unless_allowed(tmp_path):
    single = SCHEMA | {"features": SCHEMA["features"][:2]}
    done = imported(tmp_path, single)
    assert done.exit_code == 4
    assert not (tmp_path / "part.toml").exists()
    done = imported(tmp_path, single, "--allow-weak-groups")
    assert done.exit_code == 0
    assert "weak groups" in done.stderr


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a list of CLKs"),
        ('{"clks": 3}', "not a list of CLKs"),
        ('{"clks": ["AAAAAAAAAAA="], "more": 1}', "not a list of CLKs"),
        ('{"clks": []}', "no CLKs"),
        ('{"clks": [3]}', "number 1, is not base64"),
        ('{"clks": ["AAAAAAAAAAA=", "AAAAAAAAAA"]}', "number 2, is not base64"),
        ('{"clks": ["AAAA AAAAAAA="]}', "not base64"),
        ('{"clks": ["AAAAAAAAAAB="]}', "not base64"),
        ('{"clks": ["AAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAAA=="]}', "different lengths"),
        ('{"clks": ["AAAA"]}', "3 bytes"),
        ('{"clks": [""]}', "0 bytes"),
    ],
)
def test_clks_are_read_strictly(content, complaint):
    with pytest.raises(InputError, match=complaint) as caught:
        parse_clks(content, "clks.json")
    assert str(caught.value).startswith("clks.json")


@given(st.integers(1, 4), st.data())
def test_clks_survive_the_way_there_and_back(words, data):
    rows = data.draw(st.lists(st.binary(min_size=8 * words, max_size=8 * words), min_size=1))
    text = json.dumps({"clks": [base64.b64encode(row).decode() for row in rows]})
    assert [row.tobytes() for row in parse_clks(text, "c")] == rows


@pytest.mark.parametrize(
    "words",
    [[], ["list"], ["show"], ["explain"], ["import-clkhash"], ["export-clks"], ["read-clks"]],
)
def test_every_command_has_help_with_an_example(words):
    assert "Example:\n    agency-client scheme" in ok("scheme", *words, "--help").output
