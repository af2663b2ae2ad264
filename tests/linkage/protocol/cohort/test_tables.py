"""A payload's tables and a cohort's map: read back as written, and nothing else is read."""

import hmac
import struct

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.errors import InputError, VerificationError
from linkage.protocol.cohort.framing import framed, unframed
from linkage.protocol.cohort.people_map import (
    HOUSEHOLDS,
    RECORDS,
    PeopleMap,
    map_bytes,
    parse_map,
)
from linkage.protocol.cohort.persons import (
    blinding_digest,
    keyed_ids,
    person_ids,
    verify_blinding,
)
from linkage.protocol.cohort.streams import BATCH_ROWS, read_stream, stream_bytes
from linkage.protocol.cohort.tables import (
    ASSOCIATIONS,
    EVENTS,
    PayloadTables,
    parse_tables,
    people_schema,
    sorted_tables,
    tables_bytes,
)
from tests.linkage.protocol.cohort.payloads import BLINDING, ids, tables, tokens

ATTRIBUTES = ["sex", "born"]
UNIT = 4096
PEOPLE = people_schema(ATTRIBUTES)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=4), st.integers(1, 64))
def test_framed_parts_are_read_back_and_fill_whole_units(parts, unit):
    content = framed("a line", parts, unit)
    assert len(content) % unit == 0
    assert list(map(bytes, unframed(content, "it", "a line", len(parts), unit))) == parts
    for changed in (content + bytes(unit), content[:-1], content[:-unit], b"\0" + content):
        with pytest.raises(VerificationError):
            unframed(changed, "it", "a line", len(parts), unit)


def test_what_follows_the_parts_is_nothing_but_zeros():
    content = framed("a line", [b"abc"], 64)
    with pytest.raises(VerificationError):
        unframed(content[:-1] + b"\1", "it", "a line", 1, 64)


def test_a_payload_is_read_as_written_in_an_order_of_its_own():
    made = tables(20, events=15)
    found = parse_tables(tables_bytes(made, ATTRIBUTES, UNIT), "it", ATTRIBUTES, UNIT)
    assert found == sorted_tables(made)
    shuffled = PayloadTables(
        made.people.take(np.random.default_rng(1).permutation(20)), made.events, made.associations
    )
    assert tables_bytes(shuffled, ATTRIBUTES, UNIT) == tables_bytes(made, ATTRIBUTES, UNIT)
    assert found.people["person"].to_pylist() == sorted(ids(20))


def test_a_payload_without_anything_is_one_too():
    none = PayloadTables(PEOPLE.empty_table(), EVENTS.empty_table(), ASSOCIATIONS.empty_table())
    found = parse_tables(tables_bytes(none, ATTRIBUTES, UNIT), "it", ATTRIBUTES, UNIT)
    assert (len(found.people), len(found.events)) == (0, 0)


def test_what_is_read_lies_where_arrow_wants_it():
    """Grouping would else warn on standard error, or crash on some processors."""
    whole = memoryview(b"x" + stream_bytes(tables(20, events=15).events, EVENTS))
    for start in range(8):
        moved = memoryview(bytes(start) + whole[1:])[start:]
        found = read_stream(moved, EVENTS, "it")
        buffers = [own for column in found.columns for own in column.chunks[0].buffers() if own]
        assert {own.address % 8 for own in buffers} == {0}


def test_many_rows_come_in_batches():
    rows = BATCH_ROWS + 5
    drawn = np.random.default_rng(2).bytes(16 * rows)
    column = pa.array([drawn[at : at + 16] for at in range(0, 16 * rows, 16)], pa.binary(16))
    table = pa.table({"pseudonym": column, "other": column}, HOUSEHOLDS)
    assert read_stream(stream_bytes(table, HOUSEHOLDS), HOUSEHOLDS, "it") == table


OWN = ids(3)
STRANGER = bytes([5]) * 16


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"people": [OWN[0], OWN[0], OWN[1]]}, "twice"),
        ({"events": [STRANGER]}, "somebody else"),
        ({"other": [STRANGER]}, "somebody else"),
        ({"other": [OWN[0]]}, "themself"),
        ({"kind": ["x" * 65]}, "64 bytes"),
    ],
)
def test_what_contradicts_itself_is_neither_sealed_nor_read(change, why):
    made = tables(3)
    people = _with(made.people, "person", change.get("people", OWN))
    events = _with(made.events, "person", change.get("events", [OWN[0]]))
    events = _with(events, "kind", change.get("kind", [None]))
    associations = _with(made.associations, "other", change.get("other", [OWN[1]]))
    wrong = PayloadTables(people, events, associations)
    with pytest.raises(VerificationError, match=why):
        tables_bytes(wrong, ATTRIBUTES, UNIT)
    ordered = sorted_tables(wrong)
    streams = [
        stream_bytes(ordered.people, PEOPLE), stream_bytes(ordered.events, EVENTS),
        stream_bytes(ordered.associations, ASSOCIATIONS),
    ]  # fmt: skip
    with pytest.raises(VerificationError, match=why):
        parse_tables(framed("concord-payload/1", streams, UNIT), "it", ATTRIBUTES, UNIT)


def _with(table, column, values):
    columns = table.to_pydict() | {column: values}
    return pa.table(columns, table.schema)


def test_rows_out_of_order_are_refused():
    made = tables(3)
    backwards = sorted_tables(made).people.take([2, 1, 0])
    streams = [
        stream_bytes(backwards, PEOPLE), stream_bytes(made.events, EVENTS),
        stream_bytes(made.associations, ASSOCIATIONS),
    ]  # fmt: skip
    with pytest.raises(VerificationError, match="out of order"):
        parse_tables(framed("concord-payload/1", streams, UNIT), "it", ATTRIBUTES, UNIT)


def test_other_attributes_than_the_agreement_has_are_refused():
    content = tables_bytes(tables(3), ATTRIBUTES, UNIT)
    with pytest.raises(VerificationError, match="other columns"):
        parse_tables(content, "it", ["born"], UNIT)
    with pytest.raises(InputError, match="person"):
        people_schema(["person"])


def compressed():
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    table = pa.table({"a": ["x" * 1000] * 100})
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue()), table.schema


def with_a_dictionary():
    table = pa.table({"a": pa.array(["x", "y"]).dictionary_encode()})
    return stream_bytes(table, table.schema), table.schema


def with_a_null():
    schema = pa.schema([pa.field("a", pa.string(), nullable=False)])
    loose = pa.schema([pa.field("a", pa.string())])
    table = pa.table({"a": pa.array(["x", None])}, loose)
    head = len(stream_bytes(loose.empty_table(), loose)) - 8
    strict = len(stream_bytes(schema.empty_table(), schema)) - 8
    body = stream_bytes(table, loose)[head:]
    return stream_bytes(schema.empty_table(), schema)[:strict] + body, schema


def no_text():
    schema = pa.schema([pa.field("a", pa.string())])
    return stream_bytes(pa.table({"a": ["abc"]}, schema), schema).replace(b"abc", b"\xffbc"), schema


@pytest.mark.parametrize("make", [compressed, with_a_dictionary, with_a_null, no_text])
def test_streams_that_are_not_plain_are_refused(make):
    content, schema = make()
    with pytest.raises(VerificationError):
        read_stream(content, schema, "it")


def test_what_follows_a_stream_is_refused():
    content = stream_bytes(tables(3).people, PEOPLE)
    for changed in (content + b"\0", content[:-8], content[:-1], b"", content + content):
        with pytest.raises(VerificationError):
            read_stream(changed, PEOPLE, "it")


def test_a_length_beyond_the_stream_is_refused_before_anything_is_read():
    content = stream_bytes(tables(3).people, PEOPLE)
    for at in range(0, len(content) - 8, 4):
        changed = content[:at] + struct.pack("<i", 0x7FFFFFF0) + content[at + 4 :]
        try:
            read_stream(changed, PEOPLE, "it")
        except VerificationError:
            continue


@settings(max_examples=60)
@given(st.integers(0), st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_read_and_never_crashes(at, bit):
    content = bytearray(stream_bytes(tables(3).people, PEOPLE))
    content[at % len(content)] ^= 1 << bit
    try:
        found = read_stream(bytes(content), PEOPLE, "it")
    except VerificationError:
        return
    assert found.schema == PEOPLE


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=20), st.binary(max_size=80))
def test_ids_are_hmacs_cut_to_16_bytes(key, prefix, messages):
    pieces = [messages[at : at + 16] for at in range(0, len(messages), 16)]
    due = [hmac.digest(key, prefix + own, "sha256")[:16] for own in pieces]
    assert keyed_ids(key, prefix, messages, 16) == b"".join(due)


def test_ids_are_of_a_key_and_the_key_is_that_of_the_manifest():
    assert len(set(ids(200))) == 200
    assert set(ids(20)).isdisjoint(ids(20, bytes([8]) * 32))
    verify_blinding(BLINDING, blinding_digest(BLINDING), "it")
    for wrong in (bytes([8]) * 32, b"", BLINDING + b"\0"):
        with pytest.raises(VerificationError):
            verify_blinding(wrong, blinding_digest(BLINDING), "it")
    with pytest.raises(ValueError, match="32 bytes"):
        person_ids(b"short", tokens(1))


def a_map(**changes):
    one, two, three = (bytes([number]) * 16 for number in (1, 2, 3))
    own = {
        "pseudonym": [one, one, two, three], "agency": ["care", "police", "care", "police"],
        "person": [OWN[0], None, OWN[1], None], "probability": [0.9, 0.9, 1.0, 1.0],
    } | {name: value for name, value in changes.items() if name in RECORDS.names}  # fmt: skip
    near = changes.get("near", [(one, two), (one, three)])
    pairs = {"pseudonym": [pair[0] for pair in near], "other": [pair[1] for pair in near]}
    return PeopleMap(pa.table(own, RECORDS), pa.table(pairs, HOUSEHOLDS))


def test_a_map_is_read_as_written():
    assert parse_map(map_bytes(a_map()), "it") == a_map()
    empty = PeopleMap(RECORDS.empty_table(), HOUSEHOLDS.empty_table())
    assert parse_map(map_bytes(empty), "it") == empty


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"pseudonym": [bytes([at]) * 16 for at in (1, 3, 2, 3)]}, "out of order"),
        ({"person": [OWN[0], None, OWN[0], None]}, "twice"),
        ({"person": [OWN[0], None, None, None]}, "leaves out"),
        ({"probability": [0.9, 0.9, 1.5, 1.0]}, "between 0 and 1"),
        ({"probability": [0.9, 0.9, float("nan"), 1.0]}, "between 0 and 1"),
        ({"near": [(bytes([1]) * 16, bytes([9]) * 16)]}, "two of its people"),
        ({"near": [(bytes([2]) * 16, bytes([1]) * 16)]}, "two of its people"),
        ({"near": [(bytes([1]) * 16, bytes([2]) * 16)] * 2}, "out of order"),
    ],
)
def test_a_map_that_contradicts_itself_is_refused(changes, why):
    with pytest.raises(VerificationError, match=why):
        parse_map(map_bytes(a_map(**changes)), "it")
