"""What a joint part needs, what may be swapped in it, and the variants against the reference."""

import numpy as np
import pytest
from pydantic import ValidationError

from agency_client.ready_schemes import READY_SCHEMES
from hashing.encoder import Encoder
from hashing.secret import LinkageSecret
from linkage.protocol.scheme import Feature, Group, Part, Scheme, SchemeField
from tests.hashing.test_encoder import PEOPLE, SECRET, assert_as_reference


@pytest.mark.parametrize("ready", READY_SCHEMES, ids=lambda ready: ready.name)
def test_every_ready_scheme_is_as_the_reference_has_it(ready):
    assert_as_reference(ready.scheme, PEOPLE)


def joint(**rules):
    part = Part(label="all", features=("g", "a", "p"), diffusion=4, **rules)
    features = {
        name: Feature(field=name, comparison="qgram", bits_per_token=9) for name in ("g", "a", "p")
    }
    return Scheme(
        version="v",
        profile="uk-person/1",
        fields={name: SchemeField(type="text") for name in features},
        features=features,
        group=(Group(name="G", length=64, parts=(part,)),),
    )


def encode(scheme, **columns):
    return Encoder(scheme, LinkageSecret(SECRET)).encode_columns(columns)


CELLS = {"g": ["x", "x", "x", "x", "", ""], "a": ["y", "y", "", "", "y", ""]}
CELLS["p"] = ["z", "", "z", "", "z", ""]


@pytest.mark.parametrize(
    ("rules", "present"),
    [
        ({"require": (("g",), ("a", "p"))}, [1, 1, 1, 0, 0, 0]),
        ({"require": (("g",),)}, [1, 1, 1, 1, 0, 0]),
        ({"null_if": "any_missing"}, [1, 0, 0, 0, 0, 0]),
        ({}, [1, 1, 1, 1, 1, 0]),
    ],
)
def test_what_a_part_requires(rules, present):
    assert encode(joint(**rules), **CELLS).present[:, 0].tolist() == [bool(p) for p in present]


def test_swappable_features_agree_when_swapped_and_others_do_not():
    columns = {"g": ["mary"], "a": ["smith"], "p": ["z"]}
    swapped = columns | {"g": ["smith"], "a": ["mary"]}
    for rules, agree in (({"swappable": ("g", "a")}, True), ({}, False)):
        straight, other = encode(joint(**rules), **columns), encode(joint(**rules), **swapped)
        assert np.array_equal(straight.bits, other.bits) == agree


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ({"require": (("g",), ("x",))}, "require names x"),
        ({"require": (("g",), ())}, "at least one feature"),
        ({"require": (("g",),), "null_if": "any_missing"}, "not both"),
        ({"swappable": ("g", "x")}, "swappable names x"),
    ],
)
def test_faults_in_a_parts_rules(rules, complaint):
    with pytest.raises(ValidationError, match=complaint):
        joint(**rules)
