import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashing.diffuse import diffuse, index_table
from tests.hashing import reference

SHAPES = st.tuples(st.sampled_from([64, 128, 192, 512]), st.integers(1, 32))


@settings(max_examples=60)
@given(st.binary(min_size=32, max_size=32), SHAPES)
def test_the_table_is_the_references_and_uses_every_bit_alike(key, shape):
    length, t = shape
    table = index_table(key, length, t)
    assert table.tolist() == reference.index_table(key, length, t)
    np.testing.assert_array_equal(np.sort(table, axis=0), np.tile(np.arange(length)[:, None], t))
    assert all(len(set(row)) == t for row in table.tolist())


@settings(max_examples=40)
@given(SHAPES, st.integers(0, 20), st.integers(0, 2**32 - 1))
def test_diffusion_is_the_xor_of_the_tables_bits(shape, rows, seed):
    length, t = shape
    bits = np.random.default_rng(seed).integers(0, 2, (rows, length), dtype=np.uint8)
    table = index_table(b"k" * 32, length, t)
    filters = np.packbits(bits, axis=1).view("<u8").reshape(rows, length // 64)
    expected = np.bitwise_xor.reduce(bits[:, table], axis=2)
    got = np.unpackbits(diffuse(filters, table).view(np.uint8).reshape(rows, length // 8), axis=1)
    np.testing.assert_array_equal(got, expected)


def test_more_rows_than_a_chunk():
    filters = np.random.default_rng(1).integers(0, 2**63, (10_000, 1), dtype=np.uint64)
    table = index_table(b"k" * 32, 64, 3)
    whole = diffuse(filters, table)
    single = np.concatenate([diffuse(row[None], table) for row in filters[4090:4100]])
    np.testing.assert_array_equal(whole[4090:4100], single)


def test_the_key_and_t_decide_the_table():
    tables = [index_table(key, 128, t)[:, 0].tolist() for key in (b"a", b"b") for t in (2, 3)]
    assert len({tuple(table) for table in tables}) == 4


def test_more_bits_than_there_are():
    with pytest.raises(ValueError, match="drawn from 64"):
        index_table(b"k", 64, 65)
