"""The vectors that hashing/SPEC.md promises, for this implementation as for any second one."""

import base64
import json
from pathlib import Path

import pytest

from agency_client.ready_schemes import ready_scheme
from hashing.clkhash_schema import import_clkhash_schema
from hashing.encoder import Encoder
from hashing.known_answers import known_answers
from hashing.places import place_key, place_text, place_tokens
from hashing.secret import LinkageSecret
from linkage.protocol.agreement import parse_scheme

FOLDER = Path(__file__).parents[1] / "vectors"


def vector(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def encode(scheme, secret, columns):
    return Encoder(scheme, LinkageSecret(secret.encode())).encode_columns(columns)


@pytest.mark.parametrize("name", ["clkhash_folded-sha512", "clkhash_double-hash"])
def test_imported_schemas(name):
    case = vector(name)
    found = import_clkhash_schema(json.dumps(case["schema"]), name)
    identifiers = [feature["identifier"] for feature in case["schema"]["features"]]
    columns = {
        field: [row[identifiers.index(column)] for row in case["rows"]]
        for field, column in found.columns.items()
    }
    encoded = encode(found.scheme, case["secret"], columns)
    clks = [base64.b64encode(row[0].astype("<u8").tobytes()).decode() for row in encoded.bits]
    assert clks == case["expect"]["clks"]


def test_joint_parts():
    case = vector("joint_parts")
    scheme = parse_scheme(case["scheme"], "joint_parts")
    columns = dict(zip(scheme.fields, zip(*case["rows"], strict=True), strict=True))
    encoded = encode(scheme, case["secret"], columns)
    found = [
        {
            group.name: encoded.bits[row, i].astype("<u8").tobytes()[: group.length // 8].hex()
            if encoded.present[row, i]
            else None
            for i, group in enumerate(scheme.group)
        }
        for row in range(len(case["rows"]))
    ]
    assert found == case["expect"]["groups"]
    assert scheme.digest() == case["expect"]["scheme_digest"]


def test_known_answers():
    case = vector("known_answers")
    secret = LinkageSecret(case["secret"].encode())
    for name, digest in case["expect"].items():
        assert known_answers(ready_scheme(name).scheme, secret).digest == digest


def test_places():
    case = vector("places")
    secret = LinkageSecret(case["secret"].encode())
    for own in case["expect"]:
        key = place_key(secret, case["agreement"], case["epoch"], own["analyst"])
        assert key.hex() == own["key"]
        texts = [place_text(one["place"], one["postcode"]) for one in own["places"]]
        assert texts == [one["text"] for one in own["places"]]
        found = place_tokens(key, filter(None, texts))
        assert [token.hex() for token in found] == [
            one["token"] for one in own["places"] if one["text"]
        ]
