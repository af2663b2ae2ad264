import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashing.bloom import positions
from hashing.encoder import Encoder
from hashing.secret import LinkageSecret
from hashing.tokens import RecordTokens, random_order
from linkage.errors import InputError, VerificationError
from linkage.protocol.scheme import Feature, Group, Part, Scheme, SchemeField
from tests.hashing import reference
from tests.hashing.schemes import one_part, x6

SECRET = b"a secret of more than thirty-two bytes"
PEOPLE = {
    "given_name": ["Mary", "Mary", "Ali", "", "Zo\u00eb", "Sam"],
    "middle_name": ["Anne", "", "", "Jo", "x", ""],
    "surname": ["O'Connor", "Smith", "Hassan", "Smith", "", "Sam"],
    "date_of_birth": ["2011-03-14", "", "2005-02-77", "____0101", "14/03/2011", "199606__"],
    "sex": ["f", "f", "1", "", "F", "9"],
    "address": ["1 High St", "2 Low Rd", "", "", "1 High Street", ""],
    "city": ["Leeds", "Leeds", "York", "", "leeds", "York"],
    "postcode": ["LS1 1AA", "ls12bb", "", "", "LS1 1AA", "YO1 7HH"],
}


def encode(scheme, columns, secret=SECRET):
    return Encoder(scheme, LinkageSecret(secret)).encode_columns(columns)


def assert_as_reference(scheme, columns):
    encoder = Encoder(scheme, LinkageSecret(SECRET))
    rows = encoder.standardise(columns)
    encoded = encoder.encode(rows)
    for row in range(rows.count):
        record = {name: c.values[c.codes[row]] for name, c in rows.columns.items()}
        expected = reference.encode_record(scheme, SECRET, record)
        for index, group in enumerate(scheme.group):
            assert encoded.present[row, index] == (expected[index] is not None)
            octets = encoded.bits[row, index].astype("<u8").tobytes()
            filled = expected[index] or bytes(group.length // 8)
            assert octets == filled.ljust(len(octets), b"\0")


def test_the_default_scheme_is_as_the_reference_has_it():
    assert_as_reference(x6(), PEOPLE)


FIELD_TYPES = {"a": "name", "b": "code", "c": "date", "d": "postcode"}
CELLS = {
    "a": st.sampled_from(["", "anna", "Anna Maria", "bob"]),
    "b": st.sampled_from(["", "1", "22", "x1"]),
    "c": st.sampled_from(["", "2011-03-14", "____0314", "201103__", "2005-02-77"]),
    "d": st.sampled_from(["", "LS1 1AA", "95686"]),
}


@st.composite
def features(draw):
    field = draw(st.sampled_from("abcd"))
    takes = {"c": ["year"], "d": ["initial", "outward"]}.get(field, ["initial"])
    take = draw(st.sampled_from(["value", *takes]))
    comparisons = ["qgram", "exact", *(["date_parts"] if (field, take) == ("c", "value") else [])]
    budget = draw(st.sampled_from(["bits_per_token", "bits_per_feature"]))
    return Feature(
        field=field,
        take=take,
        comparison=draw(st.sampled_from(comparisons)),
        q=draw(st.integers(1, 3)),
        positional=draw(st.booleans()),
        **{budget: draw(st.integers(1, 70))},
    )


@st.composite
def schemes(draw):
    table = {f"f{i}": draw(features()) for i in range(draw(st.integers(1, 4)))}
    groups = []
    for index in range(draw(st.integers(1, 2))):
        diffused = draw(st.booleans())
        parts = []
        for rank in range(draw(st.integers(1, 3)) if diffused else 1):
            names = draw(st.permutations(sorted(table)))
            main = draw(st.integers(1, len(names)))
            rules = ["all_missing", "any_missing"] + (["never"] if rank else [])
            parts.append(
                Part(
                    label=draw(st.sampled_from(["p", "q"])),
                    features=tuple(names[:main]),
                    minor=tuple(names[main : draw(st.integers(main, len(names)))]),
                    null_if=draw(st.sampled_from(rules)),
                    diffusion=draw(st.integers(1, 6)) if diffused else 0,
                )
            )
        length = draw(st.sampled_from([64, 128, 192]))
        groups.append(Group(name=f"G{index}", length=length, parts=tuple(parts)))
    kinds = {name: SchemeField(type=kind, damaged="keep") for name, kind in FIELD_TYPES.items()}
    return Scheme(
        version="v", profile="uk-person/1", fields=kinds, features=table, group=tuple(groups)
    )


@settings(max_examples=80)
@given(schemes(), st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=5))
def test_any_scheme_is_as_the_reference_has_it(scheme, records):
    assert_as_reference(scheme, {name: [record[name] for record in records] for name in CELLS})


def test_golden_digest():
    """The bits of a fixed table under a fixed secret: a change breaks every agreement in force."""
    encoded = encode(x6(), PEOPLE)
    digest = hashlib.sha256(encoded.bits.astype("<u8").tobytes())
    digest.update(np.packbits(encoded.present))
    assert digest.hexdigest() == "c3fa27b509db808ab31448934210f560f30433e69bf16e9f6c3ab0771c79efd9"


def swapping_scheme(t):
    features = {
        name: Feature(field=name, comparison="qgram", bits_per_token=20) for name in ("g", "s")
    }
    parts = tuple(Part(label="name", features=(name,), diffusion=t) for name in features)
    return Scheme(
        version="v",
        profile="uk-person/1",
        fields={name: SchemeField(type="name") for name in features},
        features=features,
        group=(Group(name="GS", length=512, parts=parts),),
    )


def test_swapped_names_agree_under_a_shared_label():
    straight = encode(swapping_scheme(3), {"g": ["mary"], "s": ["smith"]})
    swapped = encode(swapping_scheme(3), {"g": ["smith"], "s": ["mary"]})
    np.testing.assert_array_equal(straight.bits, swapped.bits)
    assert straight.bits.any()


def test_equal_names_under_a_shared_label_are_null_and_not_alike():
    """Their filters cancel out, so that any two such people would agree."""
    rows = encode(
        swapping_scheme(3), {"g": ["thomas", "james", "mary"], "s": ["Thomas", "James", "smith"]}
    )
    assert rows.present.ravel().tolist() == [False, False, True]
    assert not rows.bits[:2].any()


@pytest.mark.parametrize(
    ("null_if", "present"),
    [
        ("all_missing", [True, True, True, False]),
        ("any_missing", [True, False, False, False]),
    ],
)
def test_null_rules(null_if, present):
    features = {
        name: {"field": name, "comparison": "exact", "bits_per_token": 9} for name in ("a", "b")
    }
    columns = {"a": ["x", "x", "", ""], "b": ["y", "", "y", ""]}
    encoded = encode(one_part(features, 64, null_if=null_if), columns)
    assert encoded.present[:, 0].tolist() == present
    assert (encoded.bits.any(axis=(1, 2)) == present).all()


def test_a_date_of_which_nothing_is_wholly_known_is_missing():
    features = {"f": {"field": "d", "comparison": "date_parts", "bits_per_token": 9}}
    scheme = one_part(features, 64, types={"d": {"type": "date"}})
    encoded = encode(scheme, {"d": ["199_____", "2011____"]})
    assert encoded.present[:, 0].tolist() == [False, True]


def test_the_part_that_is_never_missing_keeps_its_group():
    encoded = encode(x6(), PEOPLE)
    # Ali and Mary Smith lack a whole date, the nameless and Zoe a name; two equal names cancel.
    assert encoded.present[:, 0].tolist() == [True, True, True, False, False, False]


def test_spelling_and_order_of_columns_do_not_matter():
    shouted = {name: [cell.upper() for cell in PEOPLE[name]] for name in reversed(PEOPLE)}
    np.testing.assert_array_equal(encode(x6(), PEOPLE).bits, encode(x6(), shouted).bits)


def test_the_secret_decides_the_bits():
    other = encode(x6(), PEOPLE, secret=b"another secret of at least 32 bytes")
    same = (encode(x6(), PEOPLE).bits[0] == other.bits[0]).any(axis=1)
    assert not same.any()


def test_groups_and_labels_have_keys_of_their_own():
    encoded = encode(x6(), {**PEOPLE, "surname": PEOPLE["given_name"]})
    gd, sd = 1, 2
    assert (encoded.bits[0, gd] != encoded.bits[0, sd]).all()


@settings(max_examples=20)
@given(st.permutations(range(6)))
def test_a_record_does_not_depend_on_its_neighbours(order):
    shuffled = {name: [cells[i] for i in order] for name, cells in PEOPLE.items()}
    np.testing.assert_array_equal(encode(x6(), shuffled).bits, encode(x6(), PEOPLE).bits[order])


def test_fill_is_the_mean_over_the_records_that_have_the_part():
    features = {"f": {"field": "a", "comparison": "exact", "bits_per_token": 1}}
    encoded = encode(one_part(features, 64), {"a": ["x", "", "y", "x"]})
    assert encoded.fills[0].fill == pytest.approx(1 / 64)
    assert encode(one_part(features, 64), {"a": ["", ""]}).fills[0].fill is None


def test_a_fill_outside_the_required_one_is_refused():
    features = {"f": {"field": "a", "comparison": "exact", "bits_per_token": 1}}
    scheme = one_part(features, 64, required_fill=(0.2, 0.5))
    with pytest.raises(VerificationError, match=r"part all \(f\) of the group G .* 0\.016"):
        encode(scheme, {"a": ["x"]})
    encode(scheme, {"a": [""]})


def test_a_refused_cell_is_never_encoded():
    features = {"f": {"field": "d", "comparison": "date_parts", "bits_per_token": 9}}
    scheme = one_part(features, 64, types={"d": {"type": "date"}})
    with pytest.raises(InputError, match="record 2"):
        encode(scheme, {"d": ["2011-03-14", "2005-02-77"]})


def test_no_records_and_nothing_known():
    assert encode(x6(), {name: [] for name in PEOPLE}).bits.shape == (0, 6, 8)
    nothing = encode(x6(), {name: ["", ""] for name in PEOPLE})
    assert not nothing.present.any()
    assert not nothing.bits.any()


def test_many_rows_are_encoded_as_few_are():
    many = {name: cells * 3000 for name, cells in PEOPLE.items()}
    expected = np.tile(encode(x6(), PEOPLE).bits, (3000, 1, 1))
    np.testing.assert_array_equal(encode(x6(), many).bits, expected)


def test_positions_cover_a_length_that_is_no_power_of_two():
    spots = positions([str(i) for i in range(500)], b"k" * 64, 40, 192)
    assert spots.shape == (500, 40)
    assert set(spots.ravel().tolist()) == set(range(192))


def test_tokens_name_records_anew_at_every_run():
    ids = pa.array([str(number) for number in range(5000)] + ["7", ""])
    tokens = RecordTokens()
    first = [token.tobytes() for token in tokens.of(ids)]
    assert len(set(first)) == 5001
    assert first[5000] == first[7]
    assert first == [token.tobytes() for token in tokens.of(ids)]
    assert first[3:9] == [token.tobytes() for token in tokens.of(ids.slice(3, 6))]
    assert not set(first) & {token.tobytes() for token in RecordTokens().of(ids)}


def test_the_order_is_a_permutation():
    order = random_order(5000)
    assert sorted(order.tolist()) == list(range(5000))
    assert (order != np.arange(5000)).any()
    assert random_order(0).shape == (0,)
