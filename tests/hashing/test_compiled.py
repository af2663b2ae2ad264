"""Every compiled loop does what its plain counterpart does."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashing.compiled.arrow import string_array, string_buffers
from hashing.compiled.blake2 import blake2b
from hashing.compiled.cells import date_cells, one_word_cells, postcode_cells, text_cells
from hashing.compiled.filters import set_bits, unions, xor_bits, xor_lookups
from hashing.compiled.grams import can_cut, gram_table
from hashing.compiled.numbering import distinct_numbers
from hashing.dates import standardise_date
from hashing.diffuse import _lookups, index_table
from hashing.encoder import Encoder
from hashing.names import NO_NAME, standardise_name, standardise_text
from hashing.postcodes import standardise_postcode
from hashing.secret import LinkageSecret
from hashing.standardise import distinct, standardise
from hashing.tokenise import qgrams
from tests.hashing.schemes import x6

TEXT = st.text(max_size=20) | st.text("ab' `-_\u00e9\u4e2d\U0001f600", max_size=12)
DIGITS = st.text("0123456789/-. x?", min_size=7, max_size=11)
DATES = DIGITS | st.dates().map(str) | st.dates().map(lambda d: d.strftime("%d/%m/%Y"))
DATES |= st.tuples(*[st.integers(0, 40)] * 2, st.integers(1890, 2110), st.sampled_from("/-. ")).map(
    lambda p: f"{p[0]:02}{p[3]}{p[1]:02}{p[3]}{p[2]:04}"
)
POSTCODES = st.from_regex(r"[A-Za-z]{1,2}[0-9][A-Za-z0-9]? ?[0-9][A-Za-z]{2}", fullmatch=True)
POSTCODES |= st.sampled_from(
    ["ZZ99 3VZ", "zz993vz", "ls1", "n/a", "-", "", " ", "LS1-1AA", "95686"]
)
NAMES = TEXT | st.sampled_from([*sorted(NO_NAME), "Mr Smith", "Smith Jr", "O'Brien", "DR", "Null"])


def arrays(texts):
    """The texts' buffers, once as they are and once as a slice out of a longer array."""
    longer = pa.array(["before", *texts, "after"], pa.string())
    return [
        string_buffers(pa.array(texts, pa.string())),
        string_buffers(longer.slice(1, len(texts))),
    ]


@given(
    st.lists(st.binary(max_size=400), max_size=5),
    st.binary(min_size=1, max_size=64),
    st.lists(st.binary(max_size=16), min_size=1, max_size=2),
    st.integers(1, 64),
)
def test_blake2b_is_hashlibs(messages, key, salts, size):
    offsets = np.cumsum([0, *map(len, messages)]).astype(np.int32)
    data = np.frombuffer(b"".join(messages), np.uint8)
    digests = blake2b(data, offsets, key, salts, size)
    for i, message in enumerate(messages):
        for j, salt in enumerate(salts):
            expected = hashlib.blake2b(message, key=key, salt=salt, digest_size=size).digest()
            assert digests[i, j].tobytes() == expected


@pytest.mark.parametrize("length", [0, 1, 127, 128, 129, 255, 256, 257, 1000])
def test_blake2b_at_the_edges_of_its_blocks(length):
    message = bytes(i % 251 for i in range(length))
    data = np.frombuffer(message, np.uint8)
    digest = blake2b(data, np.array([0, length], np.int32), b"k" * 64)
    assert digest.tobytes() == hashlib.blake2b(message, key=b"k" * 64).digest()


@pytest.mark.parametrize(("key", "size"), [(b"", 64), (b"k" * 65, 64), (b"k", 0), (b"k", 65)])
def test_blake2b_refuses_what_it_does_not_have(key, size):
    with pytest.raises(ValueError, match="1 to 64 bytes"):
        blake2b(np.empty(0, np.uint8), np.zeros(1, np.int32), key, size=size)


@given(st.lists(TEXT, max_size=6), st.integers(1, 3), st.booleans(), st.booleans())
def test_grams_are_the_plain_ones(texts, q, positional, without_unknown):
    if not can_cut(q, positional=positional):
        return
    lists = [qgrams(text, q, positional=positional) if text else [] for text in texts]
    if without_unknown:
        lists = [[gram for gram in grams if "_" not in gram] for grams in lists]
    occurrences, tokens = distinct(gram for grams in lists for gram in grams)
    for data, offsets in arrays(texts):
        found = gram_table(data, offsets, q, positional=positional, without_unknown=without_unknown)
        assert found[0] == tuple(tokens)
        np.testing.assert_array_equal(found[1], occurrences)
        assert found[2].tolist() == list(map(len, lists))


def test_grams_of_more_kinds_than_the_table_holds_at_first():
    texts = [chr(0x4E00 + i) + chr(0x4E00 + i // 7) for i in range(9000)]
    (data, offsets), _ = arrays(texts)
    tokens, occurrences, counts = gram_table(
        data, offsets, 2, positional=False, without_unknown=False
    )
    flat = [tokens[i] for i in occurrences]
    assert flat == [gram for text in texts for gram in qgrams(text, 2, positional=False)]
    assert counts.tolist() == [3] * 9000


@given(st.lists(st.integers(0, 2**64 - 2) | st.integers(0, 5)))
def test_numbers_are_told_apart_in_order(numbers):
    codes, found = distinct_numbers(np.array(numbers, np.uint64))
    expected, values = distinct(numbers)
    assert found.tolist() == values
    np.testing.assert_array_equal(codes, expected)


def check_rule(cells, rule, texts):
    for data, offsets in arrays(texts):
        before = data.copy()
        values, ends, sure = cells(data, offsets)
        found = string_array(values, ends).to_pylist()
        np.testing.assert_array_equal(data, before)
        for text, value, is_sure in zip(texts, found, sure, strict=True):
            if is_sure:
                assert (value, "") == tuple(rule(text))
            else:
                assert value == ""
    return sure


@given(st.lists(TEXT, max_size=6))
def test_text_is_the_plain_rules(texts):
    sure = check_rule(text_cells, standardise_text, texts)
    assert sure.tolist() == [text.isascii() for text in texts]


@given(st.lists(NAMES.filter(lambda name: standardise_text(name).value not in NO_NAME), max_size=6))
def test_names_of_one_word_are_the_plain_rules(texts):
    sure = check_rule(one_word_cells, standardise_name, texts)
    simple = [t.isascii() and " " not in standardise_text(t).value for t in texts]
    assert sure.tolist() == simple


@settings(max_examples=300)
@given(st.lists(DATES | TEXT, max_size=6))
def test_dates_are_the_plain_rules(texts):
    check_rule(date_cells, standardise_date, texts)


def test_usual_dates_are_sure():
    texts = ["14/03/2011", "2011-03-14", "20110314", "31.12.1999", "28 02 2000"]
    odd = ["29/02/2000", "30/02/2000", "01/01/1900", "31/04/2000", "00/01/2000", "2011-14-03"]
    odd += ["14/03-2011", "14/03/1899", "14/03/2101", "1/03/2011", "20111314"]
    sure = check_rule(date_cells, standardise_date, texts + odd)
    assert sure.tolist() == [True] * len(texts) + [False] * len(odd)


@settings(max_examples=300)
@given(st.lists(POSTCODES | TEXT, max_size=6))
def test_postcodes_are_the_plain_rules(texts):
    check_rule(postcode_cells, standardise_postcode, texts)


def test_whole_postcodes_are_sure():
    texts = ["LS1 1AA", "sw1a1aa", "M1 1AE", "ZX10 2YG", "ls 1-1aa"]
    odd = ["ZZ99 3VZ", "LS1", "12345", "1LS 1AA", "LSS 1AA", "LS1 1A1", "LS1 1AA\u00e9", ""]
    sure = check_rule(postcode_cells, standardise_postcode, texts + odd)
    assert sure.tolist() == [True] * len(texts) + [False] * len(odd)


@settings(max_examples=60)
@given(st.lists(st.tuples(NAMES, NAMES, DATES, TEXT, POSTCODES | TEXT), min_size=1, max_size=8))
def test_an_arrow_column_is_standardised_as_a_list_is(records):
    given, surname, date, address, postcode = map(list, zip(*records, strict=True))
    columns = {
        "given_name": given, "middle_name": given[::-1], "surname": surname, "city": address,
        "date_of_birth": date, "sex": address, "address": address, "postcode": postcode,
    }  # fmt: skip
    plain = standardise(x6(), columns)
    swift = standardise(x6(), {name: pa.array(c, pa.string()) for name, c in columns.items()})
    for name in x6().fields:
        one, other = plain.columns[name], swift.columns[name]
        assert [one.values[c] for c in one.codes] == [other.values[c] for c in other.codes]
        assert one.reasons == other.reasons
        assert len(set(other.values)) == len(other.values)
    encoder = Encoder(x6(), LinkageSecret(b"s" * 32))
    np.testing.assert_array_equal(
        encoder.encode_piece(plain.keep(np.array([not r for r in refused(plain)]))).bits,
        encoder.encode_piece(swift.keep(np.array([not r for r in refused(plain)]))).bits,
    )


def refused(rows):
    bad = {cell.row for cell in rows.refused()}
    return [row in bad for row in range(rows.count)]


def test_null_in_an_arrow_column_is_missing():
    cells = pa.array([None, "Smith"], pa.string())
    rows = standardise(x6(), dict.fromkeys(x6().fields, cells))
    assert [rows.columns["surname"].values[c] for c in rows.columns["surname"].codes] == [
        "",
        "smith",
    ]


@settings(max_examples=40)
@given(st.sampled_from([64, 128, 192, 512, 576, 1088]), st.integers(1, 5), st.integers(0, 999))
def test_looking_up_and_counting_bits_diffuse_alike(length, t, seed):
    table = index_table(seed.to_bytes(32, "little"), length, t)
    filters = np.random.default_rng(seed).integers(0, 2**63, (300, length // 64), dtype=np.uint64)
    looked_up = xor_lookups(filters, _lookups(table))
    np.testing.assert_array_equal(looked_up, xor_bits(filters, table))


@given(st.lists(st.lists(st.integers(0, 4), max_size=5), max_size=5))
def test_unions_are_the_or_of_their_filters(lists):
    filters = np.random.default_rng(1).integers(0, 2**63, (5, 3), dtype=np.uint64)
    which = np.array([w for own in lists for w in own], np.int64)
    found = unions(filters, which, np.array(list(map(len, lists)), np.int64))
    for own, row in zip(lists, found, strict=True):
        np.testing.assert_array_equal(row, np.bitwise_or.reduce(filters[own], axis=0))


def test_set_bits_sets_the_first_of_each_row():
    spots = np.array([[0, 9, 63], [64, 127, 1]], np.int64)
    found = set_bits(spots, np.array([2, 3], np.int64), 128)
    bits = np.unpackbits(found.astype("<u8").view(np.uint8), axis=1)
    assert [np.flatnonzero(row).tolist() for row in bits] == [[0, 9], [1, 64, 127]]
