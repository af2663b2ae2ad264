"""A file of encodings is read exactly as written, or refused."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.encodings import (
    BATCH_ROWS,
    Encodings,
    GroupLayout,
    Header,
    read_encodings,
    write_encodings,
)
from linkage.errors import VerificationError
from tests.synthetic import random_bits


def make(rows: int, lengths: list[int], seed: int = 0) -> Encodings:
    rng = np.random.default_rng(seed)
    layout = tuple(GroupLayout(f"g{k}", length) for k, length in enumerate(lengths))
    present = rng.random((rows, len(lengths))) < 0.8
    bits = random_bits(rng, rows, len(lengths), max(lengths) // 64) * present[:, :, None]
    for k, length in enumerate(lengths):
        bits[:, k, length // 64 :] = 0
    tokens = rng.integers(0, 256, (rows, 16), dtype=np.uint8)
    return Encodings(Header("police", "ab" * 32, layout), tokens, bits, present)


def to_bytes(encodings: Encodings) -> bytes:
    sink = io.BytesIO()
    assert write_encodings(sink, encodings.header, [encodings]) == len(encodings)
    return sink.getvalue()


def read(data: bytes) -> Encodings:
    return read_encodings(io.BytesIO(data), "police.arrow")


def assert_same(a: Encodings, b: Encodings) -> None:
    assert a.header == b.header
    np.testing.assert_array_equal(a.tokens, b.tokens)
    np.testing.assert_array_equal(a.bits, b.bits)
    np.testing.assert_array_equal(a.present, b.present)


@settings(max_examples=30)
@given(
    rows=st.integers(0, 40),
    lengths=st.lists(st.integers(1, 8).map(lambda words: 64 * words), min_size=1, max_size=5),
    seed=st.integers(0, 2**32),
)
def test_round_trip(rows, lengths, seed):
    encodings = make(rows, lengths, seed)
    assert_same(read(to_bytes(encodings)), encodings)


def test_round_trip_over_several_batches_and_chunks():
    encodings = make(BATCH_ROWS + 5, [64])
    sink = io.BytesIO()
    halves = [
        Encodings(encodings.header, encodings.tokens[part], encodings.bits[part],
                  encodings.present[part])
        for part in (slice(0, 100), slice(100, None))
    ]  # fmt: skip
    write_encodings(sink, encodings.header, halves)
    assert_same(read(sink.getvalue()), encodings)


def test_bits_are_serialised_as_clkhash_does():
    """Bit i is byte i // 8, mask 0x80 >> (i % 8)."""
    bits = np.zeros(64, np.uint8)
    bits[[0, 9]] = 1
    words = np.packbits(bits).view("<u8").reshape(1, 1, 1)
    header = Header("a", "00" * 32, (GroupLayout("g", 64),))
    data = to_bytes(Encodings(header, np.zeros((1, 16), np.uint8), words, np.ones((1, 1), bool)))
    batch = pa.ipc.open_file(data).get_batch(0)
    assert batch.column("group:g")[0].as_py() == bytes([0x80, 0x40, 0, 0, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("leakage", "digest"),
    [
        ("", "1f2de13d442b522a5a5c479c37a35f70d0e2021126ed0cf6cf4973675829ab69"),
        ("5a" * 32, "58f09303f4f22aaac49ce078110db1cc90bcdcbe022e8f5a3cc356c8a6fd551d"),
    ],
)
def test_the_digest_of_a_file_is_this(leakage, digest):
    """Of one that names no leakage report it is what it was before files could name one."""
    encodings = make(3, [64, 128])
    named = replace(encodings, header=replace(encodings.header, leakage=leakage))
    assert_same(read(to_bytes(named)), named)
    assert read(to_bytes(named)).digest == digest


@pytest.mark.parametrize("leakage", ["5a" * 31, "5A" * 32, "5a" * 32 + "\n", "leakage.json"])
def test_a_leakage_report_is_named_by_its_digest_alone(leakage):
    encodings = make(3, [64])
    data = to_bytes(replace(encodings, header=replace(encodings.header, leakage=leakage)))
    with pytest.raises(VerificationError, match="not a file of encodings"):
        read(data)


def test_the_leakage_report_can_t_be_exchanged():
    encodings = make(3, [64])
    header = replace(encodings.header, leakage="5a" * 32)
    data = to_bytes(replace(encodings, header=header))
    assert data.count(b"5a" * 32) == 2  # Arrow writes the schema twice
    with pytest.raises(VerificationError, match="altered or cut short"):
        read(data.replace(b"5a" * 32, b"6b" * 32))


def test_every_flipped_bit_is_refused_or_changes_nothing():
    encodings = make(3, [128, 64])
    data = to_bytes(encodings)
    refused = 0
    for position in range(8 * len(data)):
        altered = bytearray(data)
        altered[position // 8] ^= 1 << (position % 8)
        try:
            # Padding and Arrow's second copy of the schema carry no meaning.
            assert_same(read(bytes(altered)), encodings)
        except VerificationError:
            refused += 1
    assert refused > 8 * 3 * (16 + 16 + 8)  # at least every bit of the rows themselves


def test_every_truncation_is_refused():
    data = to_bytes(make(3, [64]))
    for length in range(len(data)):
        with pytest.raises(VerificationError):
            read(data[:length])


def test_a_dropped_batch_is_refused():
    encodings = make(10, [64])
    source = pa.ipc.open_file(to_bytes(encodings))
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, source.schema) as writer:
        batch, metadata = source.get_batch_with_custom_metadata(1)
        writer.write_batch(batch, custom_metadata=metadata)
    with pytest.raises(VerificationError, match="altered or cut short"):
        read(sink.getvalue())


def test_a_repeated_token_is_refused():
    encodings = make(4, [64])
    encodings.tokens[3] = encodings.tokens[0]
    with pytest.raises(VerificationError, match="same token"):
        read(to_bytes(encodings))


@pytest.mark.parametrize("data", [b"", b"record_id,given_name\n1,Ann\n", b"ARROW1\0\0"])
def test_other_files_are_refused(data):
    with pytest.raises(VerificationError):
        read(data)


def test_an_arrow_file_of_something_else_is_refused():
    sink = io.BytesIO()
    table = pa.table({"a": [1, 2]})
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(VerificationError, match="not a file of encodings"):
        read(sink.getvalue())
