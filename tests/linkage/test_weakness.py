"""Which groups protect too little, and the digest that names a scheme."""

import dataclasses
from pathlib import Path

import pytest

from linkage.errors import PolicyError
from linkage.protocol.agreement import parse_scheme
from linkage.protocol.clkhash_format import ClkhashFormat
from linkage.protocol.scheme import Feature, FieldType, Group, Part, Scheme, SchemeField, Take
from linkage.protocol.settings import settings
from linkage.protocol.weakness import (
    VALUES_BY_TAKE,
    VALUES_BY_TYPE,
    refuse_weak_groups,
    scheme_warnings,
    weak_groups,
)

FIELDS = {
    "given": "name", "surname": "name", "born": "date", "sex": "sex", "postcode": "postcode",
    "address": "text", "number": "code",
}  # fmt: skip


def scheme_of(*parts, diffusion=3, minor=(), **more):
    """A scheme of one group with one part per argument: 'field' or 'field.take'."""
    features = {}
    for name in [*(own for part in parts for own in part.split("+")), *minor]:
        field, _, take = name.partition(".")
        features[name.replace(".", "-")] = Feature(
            field=field, take=take or "value", comparison="exact", bits_per_token=5
        )
    own = [tuple(part.replace(".", "-").split("+")) for part in parts]
    made = [
        Part(label=f"p{i}", features=names, diffusion=diffusion, minor=minor if i == 0 else ())
        for i, names in enumerate(own)
    ]
    return Scheme(
        version="v",
        profile="uk-person/1",
        fields={name: SchemeField(type=kind) for name, kind in FIELDS.items()},
        features=features,
        group=(Group(name="G", length=64, parts=tuple(made)),),
        **more,
    )


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (["given"], "only given"),
        (["born+born.year"], "only born"),
        (["sex", "born.year"], "sex with at most 3"),
        (["sex", "born"], "sex with at most 3"),
        (["sex", "surname"], "sex with at most 3"),
        (["given.initial", "surname"], "given with at most 36"),
        (["given.initial", "sex", "address"], "108"),
        (["born.year", "postcode.outward"], "330,000 combinations"),
        (["given.soundex", "born.year"], "660,000 combinations"),
    ],
)
def test_weak(parts, reason):
    scheme = scheme_of(*parts)
    if reason == "108":
        # Two small fields beside a large one have enough values together.
        assert weak_groups(scheme) == {}
        return
    assert reason in weak_groups(scheme)["G"]
    with pytest.raises(PolicyError, match="allow_weak_groups"):
        refuse_weak_groups(scheme)
    allowed = dataclasses.replace(scheme, allow_weak_groups=True)
    refuse_weak_groups(allowed)
    assert any("weak groups" in warning for warning in scheme_warnings(allowed))


@pytest.mark.parametrize(
    "parts",
    [["given", "surname"], ["given", "born"], ["born", "postcode"], ["surname", "address"],
     ["given", "born.year"], ["surname", "number"]],
)  # fmt: skip
def test_strong(parts):
    assert weak_groups(scheme_of(*parts)) == {}
    assert scheme_warnings(scheme_of(*parts)) == []
    assert weak_groups(scheme_of("+".join(parts), diffusion=8)) == {}


def test_minor_features_hide_nobody():
    assert weak_groups(scheme_of("given", minor=("surname",)))


def test_an_undiffused_group_is_warned_of():
    assert "re-identifies" in scheme_warnings(scheme_of("given+surname", diffusion=0))[0]


def test_listed_values_and_dates_of_imported_columns_are_known():
    scheme = scheme_of("number+surname", diffusion=0)
    sexes = SchemeField(type="raw", clkhash=ClkhashFormat(type="enum", values=("m", "f")))
    weak = dataclasses.replace(scheme, fields=scheme.fields | {"number": sexes})
    assert "number with at most 2" in weak_groups(weak)["G"]


def test_every_type_of_field_is_in_the_table():
    assert set(VALUES_BY_TYPE) == set(FieldType.__args__)
    assert set(VALUES_BY_TAKE) | {"value"} == set(Take.__args__)


SCHEMES = sorted(Path("agency_client/schemes").glob("*.toml"))
DIGESTS = {
    "x6": "fd786134ebfee34391021a0b9ba6dbdfb59bddcac1f6a24c706e03f9603dec24",
    "x6-private": "619bd2f97a090396152abf389655248f19e953857b150664c60eee29d11cd935",
    "x6-years": "35d65d713b7d64d8377d36bf1ab9c6183a67019b08fef1030d88ea630ddc3572",
    "x8-accurate": "91fa11920cdc4f92f298a05e2a0ad208211148685e8675b43e3109410fd9a882",
}


@pytest.mark.parametrize("path", SCHEMES, ids=lambda path: path.stem)
def test_golden_digests(path):
    """A setting that is added, or a default that changes, must not move them."""
    assert parse_scheme(path.read_text(encoding="utf-8"), path.name).digest() == DIGESTS[path.stem]


def test_settings_at_their_defaults_are_left_out_of_the_digest():
    scheme = scheme_of("given", "born")
    assert settings(scheme)["features"]["given"] == {
        "field": "given", "comparison": "exact", "bits_per_token": 5,
    }  # fmt: skip
    assert set(settings(scheme)) == {"version", "profile", "fields", "features", "group"}
    spelt_out = dataclasses.replace(scheme, allow_weak_groups=False, required_fill=None)
    assert spelt_out.digest() == scheme.digest()
    assert dataclasses.replace(scheme, allow_weak_groups=True).digest() != scheme.digest()


def test_no_default_has_changed():
    """Digests leave defaults out, so another default would be another meaning of a digest."""
    found = {
        own.__name__: {
            field.name: field.default
            for field in dataclasses.fields(own)
            if field.default is not dataclasses.MISSING and field.name != "kdf"
        }
        for own in (SchemeField, Feature, Part, Group, Scheme)
    }
    expected = {
        "SchemeField": {"damaged": "refuse", "clkhash": None},
        "Feature": {
            "take": "value", "q": 2, "positional": False, "bits_per_token": None,
            "bits_per_feature": None, "threshold_distance": 1.0, "resolution": 1,
            "fractional_precision": 0, "hashing": "blake", "prevent_singularity": False,
            "encoding": "utf-8",
        },
        "Part": {
            "minor": (), "null_if": "all_missing", "diffusion": 0, "require": (), "swappable": (),
        },
        "Group": {"xor_folds": 0},
        "Scheme": {"required_fill": None, "allow_weak_groups": False},
    }  # fmt: skip
    for name, defaults in expected.items():
        assert found[name] | defaults == found[name]
