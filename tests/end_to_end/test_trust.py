"""A whole run under a signed agreement, and nothing of it shows a name, an id or a key."""

import base64
import json
import secrets
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from matcher.cli import cli as matcher
from tests.agency_client.parties import PASSPHRASE, ROLES, new_office, sign_all

AGENCIES = ("police", "care", "health")
COLUMNS = "record_id,given_name,surname,date_of_birth,address,city,postcode"
FIRST = ("Aurelia", "Benedikt", "Cosima", "Dorothea", "Elvira", "Fridolin", "Gundula", "Hjalmar")
LAST = (
    "Kowalkewitz", "Lindholmberg", "Mutesinger", "Nybergqvist", "Okonjofemi", "Petrescudan",
    "Quirogamaro", "Rasmusenveld",
)  # fmt: skip
# No two of them are nearly alike: whether such are told apart is for the tests of linking.
PEOPLE = [
    (f"{a}canarina", b, f"20{4 + i % 9:02}-0{1 + i % 8}-1{i % 9}",
     f"{i} Voliere Street", "Kanarenhausen", f"QX{i % 9} {i % 8}ZZ")
    for i, (a, b) in enumerate((a, b) for a in FIRST for b in LAST)
]  # fmt: skip
# Of every person, and what an id begins with; none is a word of any report, nor found by chance.
CANARIES = ["canarina", *map(str.lower, LAST), "voliere", "kanarenhausen", "idcanary"]


@dataclass
class Watch:
    """Everything that was drawn as a key, and everything that was said."""

    drawn: list[bytes] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def write_extracts(office):
    for number, agency in enumerate(AGENCIES):
        people = PEOPLE[number * 5 : number * 5 + 50]
        rows = [",".join((f"idcanary-{agency}-{i}", *person)) for i, person in enumerate(people)]
        (office.folder / f"{agency}.csv").write_text("\n".join([COLUMNS, *rows]) + "\n")


def said(watch, done):
    assert done.exit_code == 0, done.output
    watch.said.append(done.output)


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    watch, drawn = Watch(), secrets.token_bytes

    def watched(count=32):
        material = drawn(count)
        if count == 32:
            watch.drawn.append(material)
        return material

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "token_bytes", watched)
        office = new_office(tmp_path_factory.mktemp("office"))
        sign_all(office)
        write_extracts(office)
        agreement = ["--agreement", office.agreement]
        said(watch, office.plain("agreement", "check", office.agreement))
        said(watch, office.run("police", "secret", "create", *agreement))
        for agency in AGENCIES:
            if agency != "police":
                said(watch, office.run(agency, "secret", "accept", *agreement))
            said(watch, office.run(agency, "secret", "answers", *agreement))
            said(watch, office.run(agency, "secret", "status", *agreement))
            said(watch, office.run(agency, "doctor", "--keys"))
        said(watch, office.plain("secret", "compare", *agreement))
        for agency in AGENCIES:
            said(
                watch,
                office.run(
                    agency, "encode", office.folder / f"{agency}.csv", *agreement,
                    "--agency", agency, "--out", office.folder / f"{agency}.arrow",
                    "--overrule", "these people are invented",
                ),
            )  # fmt: skip
        files = [str(office.folder / f"{agency}.arrow") for agency in AGENCIES]
        words = ["link", *files, "--agreement", str(office.agreement)]
        out = ["--out", str(office.folder / "run")]
        said(watch, CliRunner().invoke(matcher, [*words, *out]))
    return office, watch


def written(office):
    """Every file that the run wrote, as its bytes and, for tables, as their values."""
    for path in sorted(office.folder.rglob("*")):
        if path.is_dir() or path.suffix == ".csv" or path.name == "passphrase":
            continue
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content += pq.read_table(path).to_pandas().to_csv().encode()
        if path.suffix == ".arrow":
            content += str(pa.ipc.open_file(path).schema.metadata).encode()
        yield path, content


def forms(key):
    """A key's bytes as they might be written."""
    text = base64.b64encode(key).rstrip(b"=")
    return key, key.hex().encode(), key.hex().upper().encode(), text, repr(key).encode()


def test_the_run_linked_people(whole_run):
    office, watch = whole_run
    model = json.loads((office.folder / "run" / "model.json").read_text())
    assert model
    assert pq.read_table(office.folder / "run" / "links.parquet").num_rows > 20
    # A seed each for signing and opening and a storage key for everybody, and one secret.
    assert len(watch.drawn) >= 3 * len(ROLES) + 1


def test_no_file_holds_a_name_or_an_id(whole_run):
    office, _ = whole_run
    names = [path.name for path, _ in written(office)]
    assert {"keys.json", "police.arrow", "report.html", "police.leakage.html"} <= set(names)
    for path, content in written(office):
        own = CANARIES[:-1] if path.name.endswith(".map.parquet") else CANARIES
        for canary in own:
            assert canary.encode() not in content.lower(), path


def test_the_search_finds_what_is_there(whole_run):
    """The map holds the agency's own ids, by design, and stays with it."""
    office, _ = whole_run
    found = {path.name for path, content in written(office) if b"idcanary-" in content}
    assert found == {f"{agency}.map.parquet" for agency in AGENCIES}


def test_no_file_holds_a_key_or_the_passphrase(whole_run):
    office, watch = whole_run
    for path, content in written(office):
        assert PASSPHRASE.encode() not in content, path
        for key in watch.drawn:
            assert not any(form in content for form in forms(key)), path


def test_no_screen_showed_any_of_it(whole_run):
    _, watch = whole_run
    text = "\n".join(watch.said).encode()
    assert len(text) > 3000
    for canary in CANARIES:
        assert canary.encode() not in text.lower()
    assert PASSPHRASE.encode() not in text
    for key in watch.drawn:
        assert not any(form in text for form in forms(key))


def test_the_keystore_of_one_agency_does_not_encode_as_another(whole_run):
    office, _ = whole_run
    done = office.run(
        "care", "encode", office.folder / "police.csv", "--agreement", office.agreement,
        "--agency", "police", "--out", office.folder / "x.arrow",
    )  # fmt: skip
    assert done.exit_code == 4
    assert not (office.folder / "x.arrow").exists()


def test_without_everybodys_signature_nothing_is_encoded(whole_run, tmp_path):
    office, _ = whole_run
    alone = tmp_path / "agreement.toml"
    alone.write_text(office.agreement.read_text())
    done = office.run(
        "care", "encode", office.folder / "care.csv", "--agreement", alone,
        "--agency", "care", "--out", tmp_path / "x.arrow",
    )  # fmt: skip
    assert done.exit_code == 75
    assert list(tmp_path.iterdir()) == [alone]
