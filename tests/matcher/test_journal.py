"""The journal of tiles: nothing finished is done again, and nothing foreign or torn is believed."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from linkage.linking import LinkingRules
from linkage.scanning import scan_pairs
from matcher.engine import journalled, thread_engine
from matcher.engine.structures import digest_of, outcome_type, pack, unpack
from tests.synthetic import COMPARISONS, make_world

BINDING = {"scan": "of these files"}


@dataclass(frozen=True)
class Outcome:
    pair: tuple[NDArray[np.int32], NDArray[np.float64]]
    levels: NDArray[np.int8]


def outcome(tile: int) -> Outcome:
    rng = np.random.default_rng(tile)
    few = int(rng.integers(0, 5))
    return Outcome((rng.integers(0, 9, few, np.int32), rng.random(3)), rng.integers(0, 4, (few, 2)))


def alike(one: Outcome, other: Outcome) -> bool:
    pairs = zip((*one.pair, one.levels), (*other.pair, other.levels), strict=True)
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


class Counted:
    """Counts the tiles that are really mapped, on any thread, and fails after some."""

    def __init__(self, fail_after: int = 1 << 30) -> None:
        self.tiles: list[int] = []
        self._left = fail_after
        self._lock = threading.Lock()

    def function(self):
        def find(tile: int) -> Outcome:
            with self._lock:
                if self._left == 0:
                    raise InterruptedError
                self._left -= 1
                self.tiles.append(tile)
            return outcome(tile)

        return find


def run(folder, counted, tiles=tuple(range(20)), binding=BINDING, steps=None):
    steps = [] if steps is None else steps
    with (
        thread_engine(lambda *_: None, 2) as engine,
        journalled(engine, folder, binding, lambda *step: steps.append(step)) as map_tiles,
    ):
        return list(map_tiles(counted.function(), tiles))


def test_a_scan_that_was_cut_short_goes_on_at_the_last_finished_tile(tmp_path):
    first, steps = Counted(fail_after=7), []
    with pytest.raises(InterruptedError):
        run(tmp_path, first)
    second = Counted()
    found = run(tmp_path, second, steps=steps)
    assert len(first.tiles) == 7
    assert sorted(first.tiles + second.tiles) == list(range(20))
    assert all(alike(outcome(tile), own) for tile, own in enumerate(found))
    assert steps == [(done, 20) for done in range(1, 21)]
    third = Counted()
    run(tmp_path, third)
    assert third.tiles == []


@pytest.mark.parametrize(
    ("tiles", "binding"),
    [(tuple(range(20)), {"scan": "of others"}), (tuple(range(1, 21)), BINDING)],
)
def test_a_journal_of_something_else_is_not_believed(tmp_path, tiles, binding):
    run(tmp_path, Counted())
    other = Counted()
    run(tmp_path, other, tiles, binding)
    assert sorted(other.tiles) == list(tiles)


def test_each_time_that_tiles_are_mapped_has_a_journal(tmp_path):
    def both(counted):
        with (
            thread_engine(lambda *_: None, 2) as engine,
            journalled(engine, tmp_path, BINDING, lambda *_: None) as map_tiles,
        ):
            return [list(map_tiles(counted.function(), tiles)) for tiles in ((), (1, 2), (3,))]

    both(Counted())
    again = Counted()
    found = both(again)
    assert again.tiles == []
    assert [len(part) for part in found] == [0, 2, 1]
    assert alike(found[2][0], outcome(3))


def test_wherever_the_journal_is_cut_or_altered_only_whole_records_count(tmp_path):
    run(tmp_path, Counted(), range(6))
    path = tmp_path / "0.tiles"
    whole = path.read_bytes()
    redone = []
    for at in range(0, len(whole), 37):
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]):
            path.write_bytes(damaged)
            counted = Counted()
            found = run(tmp_path, counted, range(6))
            assert all(alike(outcome(tile), own) for tile, own in enumerate(found)), at
            assert path.read_bytes().startswith(whole[: 16 + 32])
            redone.append(len(counted.tiles))
    assert max(redone) == 6
    assert min(redone) == 1


def test_a_record_of_another_journal_is_not_believed(tmp_path):
    for name, binding in (("one", BINDING), ("two", {"scan": "of others"})):
        (tmp_path / name).mkdir()
        run(tmp_path / name, Counted(), range(4), binding)
    one, two = ((tmp_path / name / "0.tiles").read_bytes() for name in ("one", "two"))
    (tmp_path / "one" / "0.tiles").write_bytes(one[: 16 + 32] + two[16 + 32 :])
    counted = Counted()
    run(tmp_path / "one", counted, range(4))
    assert len(counted.tiles) == 4


def test_the_scan_of_two_agencies_is_the_same_from_its_journal(tmp_path):
    sources = make_world(3, people=2_000, agencies=2).sources()
    rules = LinkingRules(COMPARISONS, 0.5, 0.1, 20, 1)

    def scan(map_tiles):
        return scan_pairs(
            sources, [(0, 1)], rules.comparisons, rules.candidates_per_record, 1, map_tiles
        )[sources.names]

    with thread_engine(lambda *_: None) as engine:
        plain = scan(engine)
        with journalled(engine, tmp_path, BINDING, lambda *_: None) as map_tiles:
            scan(map_tiles)
    with journalled(refuse_to_map, tmp_path, BINDING, lambda *_: None) as map_tiles:
        again = scan(map_tiles)
    for field in ("left", "right", "levels", "distances", "marginals"):
        assert np.array_equal(getattr(plain, field), getattr(again, field)), field
        assert getattr(plain, field).dtype == getattr(again, field).dtype


def refuse_to_map(function, items):
    assert not list(items)
    return iter(())


def test_every_outcome_that_linkage_maps_can_be_kept(tmp_path, monkeypatch):
    """Two files too large to compare every pair: the sample's tiles and the tables of hashes."""
    monkeypatch.setattr("linkage.searching.MOST_WORK", 1)
    sources = make_world(4, people=600, agencies=2).sources()

    def scan(map_tiles):
        return scan_pairs(sources, [(0, 1)], COMPARISONS, 20, 1, map_tiles)[sources.names]

    with journalled(map, tmp_path, BINDING, lambda *_: None) as map_tiles:
        first = scan(map_tiles)
    assert len(list(tmp_path.iterdir())) == 2
    with journalled(refuse_to_map, tmp_path, BINDING, lambda *_: None) as map_tiles:
        again = scan(map_tiles)
    assert first.completeness == again.completeness
    assert np.array_equal(first.left, again.left)
    assert np.array_equal(first.marginals, again.marginals)


ARRAYS = arrays.arrays(
    st.sampled_from([np.int8, np.uint16, np.int64, np.float64]), arrays.array_shapes(min_side=0)
)


@given(ARRAYS, ARRAYS, ARRAYS)
def test_an_outcome_comes_back_as_it_was(one, other, third):
    whole = Outcome((one, other), third)
    again = unpack(Outcome, pack(whole))
    for a, b in zip((*whole.pair, whole.levels), (*again.pair, again.levels), strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.tobytes() == b.tobytes()


def test_what_holds_code_or_too_much_is_refused():
    with pytest.raises(ValueError, match="Object arrays"):
        pack(np.array([object()]))
    with pytest.raises(ValueError, match="more arrays"):
        unpack(NDArray[np.int8], pack((np.zeros(1), np.zeros(1))))

    def says_nothing_of_use() -> dict[str, int]:
        return {}

    with pytest.raises(TypeError, match="put together"):
        outcome_type(says_nothing_of_use)


@given(st.lists(st.one_of(st.integers(), st.text(), st.none(), ARRAYS), max_size=4))
def test_digests_tell_values_and_their_places_apart(values):
    same = digest_of(list(values))
    assert digest_of(list(values)) == same
    assert digest_of([*values, 0]) != same
    assert digest_of([list(values)]) != same
