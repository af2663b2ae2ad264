"""Hostile files: whatever lengths they claim, they are refused, and in little memory."""

from __future__ import annotations

import io
import struct
import tracemalloc
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from linkage.encodings import BATCH_ROWS, join, read_encodings, write_encodings
from linkage.errors import VerificationError
from linkage.protocol.upload import Manifest
from matcher.uploads import checking
from matcher.uploads.checking import require_fit
from matcher.uploads.failures import UnfitError
from matcher.uploads.layout import most_body, require_layout
from matcher.uploads.overview import verdict_of
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.leaks import OVERRULED, PASSED
from tests.linkage.test_weakness import scheme_of
from tests.matcher.uploading import DIGEST, LAYOUT, closing, encodings, file_of, sha256

FILE = file_of("police")


def manifest_of(data: bytes) -> Manifest:
    try:
        rows, digest = closing(data)
    except (pa.ArrowException, OSError, KeyError, TypeError):
        rows, digest = 0, "00" * 32
    return Manifest(
        agreement=DIGEST, epoch=1, round=1, upload="ab" * 16, sha256=sha256(data), size=len(data),
        part_size=len(data), parts=("cd" * 32,), rows=rows, encodings=digest,
    )  # fmt: skip


def check(data: bytes, manifest: Manifest | None = None) -> None:
    with io.BytesIO(data) as file:
        require_fit(file, manifest or manifest_of(data), AGREEMENT, "police", "it")


def rewritten(data: bytes, **options: object) -> bytes:
    """Write the same batches again, with other options of Arrow's."""
    sink = io.BytesIO()
    with (
        pa.ipc.open_file(io.BytesIO(data)) as reader,
        pa.ipc.new_file(sink, reader.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer,
    ):
        for index in range(reader.num_record_batches):
            batch, metadata = reader.get_batch_with_custom_metadata(index)
            writer.write_batch(batch, custom_metadata=metadata)
    return sink.getvalue()


def test_what_the_client_writes_fits():
    check(FILE)
    check(file_of("police", rows=0))
    check(rewritten(FILE))
    rows = encodings("police", BATCH_ROWS + 17)
    sink = io.BytesIO()
    write_encodings(sink, rows.header, [rows])
    check(sink.getvalue())


def test_file_and_manifest_name_one_leakage_report():
    named = file_of("police", leakage=PASSED.report)
    check(named, replace(manifest_of(named), leakage=PASSED))
    for data, told in [(named, None), (named, OVERRULED), (FILE, PASSED)]:
        with pytest.raises(UnfitError, match="another leakage report") as refused:
            check(data, replace(manifest_of(data), leakage=told))
        assert refused.value.reason == "report"


def test_the_verdict_of_a_leakage_report_in_words():
    strong, weak = AGREEMENT.scheme, scheme_of("sex", "born")
    assert verdict_of(PASSED, strong) == "passed"
    assert verdict_of(PASSED, weak) == "passed with weak groups"
    assert verdict_of(OVERRULED, strong) == verdict_of(OVERRULED, weak) == "overruled"
    assert verdict_of(None, weak) == "no report came with this upload"


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_compression_is_refused_before_anything_is_unpacked(codec: str):
    data = rewritten(FILE, compression=codec)
    assert len(read_encodings(io.BytesIO(data), "it")) == 2000
    with pytest.raises(UnfitError, match="compressed") as refused:
        check(data)
    assert refused.value.reason == "compressed"


def test_a_bomb_takes_no_memory():
    """60 MB of zeros in a few hundred kilobytes: Arrow would unpack them all."""
    rows = encodings("police", BATCH_ROWS)
    zeros = replace(rows, bits=np.zeros_like(rows.bits), present=np.ones_like(rows.present))
    sink = io.BytesIO()
    write_encodings(sink, rows.header, [zeros] * 8)
    data = rewritten(sink.getvalue(), compression="zstd")
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    with pytest.raises(UnfitError, match="compressed"):
        check(data, replace(manifest_of(FILE), sha256=sha256(data)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pa.total_allocated_bytes() - before < 2**20
    assert peak < 2**24


class _Batches:
    """A reader of many batches of random tokens, four megabytes of beginnings in all."""

    header, digest, rows = SimpleNamespace(alternates=False), "00" * 32, 2**19

    def batches(self):
        for seed in range(2**9):
            rng = np.random.default_rng(seed)
            yield SimpleNamespace(tokens=rng.integers(0, 256, (2**10, 16), np.uint8))


@pytest.mark.parametrize("said", [0, -(2**16), 2**16])
def test_tokens_take_eight_bytes_a_row(said: int):
    reader = _Batches()
    manifest = replace(
        manifest_of(FILE), rows=reader.rows + said, size=2**30, part_size=2**30,
        encodings=reader.digest,
    )  # fmt: skip
    tracemalloc.start()
    try:
        assert len(checking._read_all(reader, manifest, "it")) == 0
    except UnfitError as error:
        assert (error.reason, bool(said)) == ("manifest", True)  # noqa: PT017
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.75 * 2**22


def test_a_manifest_of_very_many_rows_takes_no_memory():
    manifest = replace(manifest_of(FILE), rows=2**50)
    with pytest.raises(UnfitError, match="other rows"):
        check(FILE, manifest)


class _Counted(io.BytesIO):
    """A file that notes the most bytes that were asked of it at once."""

    most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.most = max(self.most, len(self.getvalue()) if size in (-1, None) else size)
        return super().read(size)


def footer_at(data: bytes) -> int:
    return len(data) - 10 - struct.unpack("<i", data[-10:-6])[0]


def patched(data: bytes, at: int, form: str, value: int) -> bytes:
    size = struct.calcsize(form)
    return data[:at] + struct.pack(form, value) + data[at + size :]


@pytest.mark.parametrize("length", [-1, 0, 2**31 - 1, 2**20, 5])
def test_a_footer_of_any_length_is_not_read(length: int):
    with pytest.raises(UnfitError):
        check(patched(FILE, len(FILE) - 10, "<i", length))


def places_of(data: bytes, value: int, start: int) -> list[int]:
    wanted, found = struct.pack("<q", value), []
    at = data.find(wanted, start)
    while at >= 0:
        found.append(at)
        at = data.find(wanted, at + 1)
    return found


@pytest.mark.parametrize("value", [2**40, 2**62, -8, -(2**63), 2**31])
def test_a_lying_body_is_not_read(value: int):
    """The lengths of bodies stand in the footer, and again in each message."""
    body = most_lengths(FILE)
    places = places_of(FILE, body, 0)
    assert len(places) >= 2
    for at in places:
        data = patched(FILE, at, "<q", value)
        file = _Counted(data)
        with pytest.raises(UnfitError):
            require_layout(file, LAYOUT, "it")
        assert file.most < 2**17


def most_lengths(data: bytes) -> int:
    """Return the length of the first batch's body, as the footer says it."""
    with pa.ipc.open_file(io.BytesIO(data)) as reader:
        batch = reader.get_batch(0)
    sizes = [
        -(-buffer.size // 8) * 8
        for column in batch.columns
        for buffer in column.buffers()
        if buffer is not None
    ]
    for slack in range(0, 4096, 8):
        if len(places_of(data, sum(sizes) + slack, footer_at(data))) == 1:
            return sum(sizes) + slack
    raise AssertionError


def test_a_batch_of_too_many_rows_is_refused():
    rows = encodings("police", BATCH_ROWS)
    sink = io.BytesIO()
    write_encodings(sink, rows.header, [rows])
    with pa.ipc.open_file(io.BytesIO(sink.getvalue())) as reader:
        batch = reader.get_batch(0)
        large = pa.Table.from_batches([batch, batch.slice(0, 1)]).combine_chunks().to_batches()[0]
        other = io.BytesIO()
        with pa.ipc.new_file(other, reader.schema) as writer:
            writer.write_batch(large)
    with pytest.raises(UnfitError, match="not laid out"):
        check(other.getvalue())


def test_a_swarm_of_tiny_batches_is_refused():
    with pa.ipc.open_file(io.BytesIO(FILE)) as reader:
        batch, sink = reader.get_batch(0), io.BytesIO()
        with pa.ipc.new_file(sink, reader.schema) as writer:
            for _ in range(1100):
                writer.write_batch(batch.slice(0, 1))
    with pytest.raises(UnfitError, match="not laid out"):
        check(sink.getvalue())


def test_dictionaries_and_other_columns_are_refused():
    table = pa.table({"record_token": pa.array(["a", "b"]).dictionary_encode()})
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(UnfitError):
        check(sink.getvalue())


@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
@example(len(FILE) - 1, 1)
@settings(max_examples=150)
def test_no_byte_can_change(at: int, flip: int):
    data = FILE[:at] + bytes([FILE[at] ^ flip]) + FILE[at + 1 :]
    with pytest.raises(UnfitError):
        check(data, manifest_of(FILE))
    # Even where the manifest is made for the changed bytes: padding alone may differ unseen.
    try:
        check(data, replace(manifest_of(FILE), sha256=sha256(data)))
    except UnfitError:
        return
    found, true = read_encodings(io.BytesIO(data), "it"), read_encodings(io.BytesIO(FILE), "it")
    assert (found.tokens == true.tokens).all()
    assert (found.bits == true.bits).all()


@given(st.integers(0, len(FILE) - 1))
@settings(max_examples=60)
def test_no_file_can_be_cut(at: int):
    with pytest.raises(UnfitError):
        check(FILE[:at] or b"x", manifest_of(FILE[:at] or b"x"))


@given(st.binary(min_size=1, max_size=2000))
def test_anything_else_is_refused(data: bytes):
    for content in (data, b"ARROW1\0\0" + data + b"ARROW1"):
        with pytest.raises(UnfitError):
            check(content)


@pytest.mark.parametrize("alternates", [False, True])
@pytest.mark.parametrize("half", [False, True])
def test_repeated_tokens(alternates: bool, half: bool):
    """The verdict is that of `read_encodings`, also on tokens that only begin alike."""
    rows = encodings("police", BATCH_ROWS + 100, alternates=alternates)
    tokens = rows.tokens.copy()
    tokens[-1, :8] = tokens[5, :8]
    if not half:
        tokens[-1] = tokens[5]
    sink = io.BytesIO()
    write_encodings(sink, rows.header, [replace(rows, tokens=tokens)])
    data = sink.getvalue()
    if alternates or half:
        check(data)
        read_encodings(io.BytesIO(data), "it")
        return
    for read in (check, lambda data: read_encodings(io.BytesIO(data), "it")):
        with pytest.raises(VerificationError, match="two records with the same token"):
            read(data)


def test_a_file_of_one_token_is_refused_in_little_memory(monkeypatch: pytest.MonkeyPatch):
    rows = encodings("police", 5000)
    tokens = rows.tokens.copy()
    tokens[:, :8] = tokens[np.arange(5000) // 2 * 2, :8]
    sink = io.BytesIO()
    write_encodings(sink, rows.header, [replace(rows, tokens=tokens)])
    monkeypatch.setattr(checking, "_MOST_SUSPECTS", 100)
    with pytest.raises(UnfitError, match="same token"):
        check(sink.getvalue())


def test_memory_is_bounded_by_batches_and_not_by_the_file():
    """Eight batches take hardly more than two."""
    rows = encodings("police", BATCH_ROWS)

    def peak(count: int) -> int:
        chunks = []
        for seed in range(count):
            chunk = encodings("police", 1, seed)
            tokens = rows.tokens ^ chunk.tokens[0]
            chunks.append(replace(rows, tokens=tokens))
        sink = io.BytesIO()
        write_encodings(sink, rows.header, chunks)
        data, manifest = sink.getvalue(), manifest_of(sink.getvalue())
        assert len(join(chunks)) == count * BATCH_ROWS
        del chunks
        tracemalloc.start()
        check(data, manifest)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # The file itself lies in memory here, and io.BytesIO shares it.
        return found

    two, eight = peak(2), peak(8)
    assert eight - two < 6 * BATCH_ROWS * 8 * 5
    assert two < 5 * most_body(LAYOUT, BATCH_ROWS)
