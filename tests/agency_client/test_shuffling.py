import numpy as np
import pyarrow as pa
import pytest

from agency_client import shuffling
from agency_client.faults import Faults
from agency_client.shuffling import Rows, Shuffler, chunks
from hashing.tokens import RecordTokens

TOKENS = RecordTokens()


def rows_of(names, tokens=TOKENS):
    """Rows whose bits tell where they belong."""
    ids = pa.array(names, pa.string())
    bits = np.array([[[int(name), 1], [2, int(name)]] for name in names], np.uint64)
    present = np.array([[int(name) % 2 == 0, True] for name in names])
    return Rows(tokens.of(ids), bits.reshape(-1, 2, 2), present.reshape(-1, 2), ids)


def shuffled(folder, names, at_once=50, tokens=TOKENS):
    with Shuffler(folder) as shuffler:
        for start in range(0, len(names), at_once):
            shuffler.add(rows_of(names[start : start + at_once], tokens))
        pieces = list(shuffler.shuffled())
    for piece in pieces:
        ids = piece.record_ids.to_pylist()
        expected = rows_of(ids, tokens)
        np.testing.assert_array_equal(piece.bits, expected.bits)
        np.testing.assert_array_equal(piece.present, expected.present)
        np.testing.assert_array_equal(piece.tokens, expected.tokens)
    return [piece.record_ids.to_pylist() for piece in pieces]


@pytest.fixture(params=[10**6, 120], ids=["held", "spilt"])
def place(request, tmp_path, monkeypatch):
    monkeypatch.setattr(shuffling, "HELD_ROWS", request.param)
    return tmp_path


def test_every_row_comes_back_whole_and_once(place):
    names = [str(number) for number in range(1000)]
    found = [name for piece in shuffled(place, names) for name in piece]
    assert sorted(found, key=int) == names
    assert found != names
    assert list(place.iterdir()) == []


def test_rows_of_one_record_come_in_one_piece(place):
    names = [str(number % 100) for number in range(1000)]
    pieces = shuffled(place, names)
    for name in set(names):
        assert [piece.count(name) for piece in pieces if name in piece] == [10]


@pytest.mark.parametrize("buckets", [1, 8])
def test_every_row_may_come_anywhere(place, monkeypatch, buckets):
    """Over 120 shuffles of 200 rows, where two rows come and which is first is within 5 sigma."""
    monkeypatch.setattr(shuffling, "BUCKETS", buckets)
    names = [str(number) for number in range(200)]
    places = []
    for _ in range(120):
        pieces = shuffled(place, names, at_once=200, tokens=RecordTokens())
        found = [name for piece in pieces for name in piece]
        places.append((found.index("0"), found.index("1")))
    mean = np.mean(places, axis=0)
    assert (abs(mean - 99.5) < 5 * 200 / np.sqrt(12 * 120)).all()
    ahead = np.mean([a < b for a, b in places])
    assert abs(ahead - 0.5) < 5 * 0.5 / np.sqrt(120)


def test_what_is_spilt_has_no_name(tmp_path, monkeypatch):
    monkeypatch.setattr(shuffling, "HELD_ROWS", 0)
    with Shuffler(tmp_path) as shuffler:
        shuffler.add(rows_of(["1", "2"]))
        assert list(tmp_path.iterdir()) == []


def test_nothing_is_shuffled_into_nothing(tmp_path):
    assert shuffled(tmp_path, []) == []


def test_chunks_are_the_rows(monkeypatch):
    monkeypatch.setattr(shuffling, "_CHUNK_ROWS", 3)
    rows = rows_of([str(number) for number in range(8)])
    parts = list(chunks(rows))
    assert [len(part) for part in parts] == [3, 3, 2]
    found = [name for part in parts for name in part.record_ids.to_pylist()]
    assert found == rows.record_ids.to_pylist()
    np.testing.assert_array_equal(np.concatenate([part.bits for part in parts]), rows.bits)


def test_repeated_ids_are_found_over_all_pieces():
    faults = Faults()
    for start, names in ((2, ["a", "b", "c"]), (5, ["d", "b"]), (7, ["c", "b", "e"])):
        numbers = np.arange(start, start + len(names))
        faults.add_tokens(TOKENS.of(pa.array(names)), numbers)
    assert faults.repeated_rows().tolist() == [3, 4, 6, 7, 8]
    assert Faults().repeated_rows().tolist() == []


def test_half_a_token_alone_is_no_repetition():
    tokens = np.arange(64, dtype=np.uint8).reshape(4, 16)
    tokens[2, :8] = tokens[1, :8]
    tokens[3] = tokens[0]
    faults = Faults()
    faults.add_tokens(tokens, np.array([2, 3, 4, 5]))
    assert faults.repeated_rows().tolist() == [2, 5]
