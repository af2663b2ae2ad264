"""The attacks find the leaks of schemes known to leak, and find nothing where nothing is."""

from dataclasses import replace

import numpy as np
import pytest

from hashing.encoder import EncodedRows, Encoder
from hashing.risk import LIMIT
from hashing.risk.assess import FREQUENCY, GRAPH, attack_sample, attack_sight
from hashing.risk.attacks.alignment import assign, assign_quickly, match_profiles
from hashing.risk.attacks.graph import GraphAttack
from hashing.risk.view import agreement, look
from hashing.secret import LinkageSecret
from tests.hashing.people import dense_people, plain, product, single_field, sparse_people, union
from tests.hashing.schemes import x6

SECRET = LinkageSecret(b"an agency's secret for the tests!")
SAMPLES = {"sparse": sparse_people, "dense": dense_people}


def standard(scheme, columns):
    return Encoder(scheme, SECRET).standardise(columns)


def attack(scheme, sample, size, seed=1):
    """Every attack's result, by groups and attack."""
    rows = standard(scheme, SAMPLES[sample](size, seed))
    rng = np.random.default_rng(seed)
    results = attack_sample(sample, scheme, SECRET, rows, rng, pairs=False, rounds=8)
    return {(result.groups, result.attack): result for result in results}


def only(scheme, *names):
    return replace(scheme, group=tuple(g for g in scheme.group if g.name in names))


@pytest.mark.parametrize("sample", SAMPLES)
def test_plain_filters_are_re_identified_almost_wholly(sample):
    found = attack(plain(), sample, 500)
    assert found[("CLK",), GRAPH].share > 0.9
    assert found[("CLK",), "50 known pairs"].share > 0.95
    assert found[("CLK",), FREQUENCY].excess > 0


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_single_field_group_fails_on_its_values(sample):
    found = attack(single_field(), sample, 500)
    assert max(result.excess for result in found.values()) > 5 * LIMIT


def test_frequencies_alone_open_a_single_field():
    rng = np.random.default_rng(4)
    columns = dense_people(600)
    common = 1 / np.arange(1, 21)
    names = sorted(set(columns["surname"]))[:20]
    columns["surname"] = rng.choice(names, size=600, p=common / common.sum()).tolist()
    rows = standard(single_field(), columns)
    results = attack_sample("skewed", single_field(), SECRET, rows, rng, pairs=False, rounds=1)
    assert {r.attack: r for r in results}[FREQUENCY].share > 0.5


def test_the_naive_union_falls_on_a_dense_sample_by_the_graph_alone():
    rows = standard(union(), dense_people(900, 1))
    sight = look(union(), SECRET, rows, np.random.default_rng(1))
    guess = GraphAttack(sight).align(range(6), rounds=8)
    assert (guess == sight.answer).mean() > 0.9


def test_a_sparse_sample_hides_what_a_dense_one_shows():
    shares = {}
    for name, people in SAMPLES.items():
        rows = standard(x6(), people(600, 1))
        sight = look(x6(), SECRET, rows, np.random.default_rng(1))
        guess = GraphAttack(sight).align(range(6), rounds=6)
        shares[name] = (guess == sight.answer).mean()
    assert shares["sparse"] < LIMIT
    assert shares["dense"] > 5 * LIMIT


def test_the_naive_union_fails_on_a_sparse_sample_with_known_pairs():
    found = attack(only(union(), "GD", "SD"), "sparse", 500)
    assert max(result.excess for result in found.values()) > LIMIT


@pytest.mark.parametrize("sample", SAMPLES)
def test_encodings_that_say_nothing_give_no_more_than_chance(sample):
    """The control: with random bits in place of encodings, no truth may reach an attack."""
    scheme = only(x6(), "GSY", "GD")
    rng = np.random.default_rng(7)
    rows = standard(scheme, SAMPLES[sample](400))
    sight = look(scheme, SECRET, rows, rng)
    noise = rng.integers(0, 2**64, sight.encoded.bits.shape, dtype=np.uint64, endpoint=False)
    encoded = EncodedRows(noise, sight.encoded.present, ())
    views = tuple(
        replace(
            view, observed=agreement(encoded, g, view.length) * (1 - np.eye(400, dtype=np.float32))
        )
        for g, view in enumerate(sight.views)
    )
    blind = replace(sight, views=views, encoded=encoded)
    for result in attack_sight(sample, blind, rng, pairs=True, rounds=2):
        assert result.excess <= 0.015, (result.groups, result.attack)


def test_no_group_that_nobody_can_tell_apart_gives_more_than_chance():
    """A part by part expectation that were wrong would show as a loss, not as a gain."""
    columns = dense_people(300)
    columns = {name: [cells[0]] * 300 for name, cells in columns.items()}
    scheme = only(x6(), "SD")
    rows = standard(scheme, columns)
    rng = np.random.default_rng(0)
    for result in attack_sample("one", scheme, SECRET, rows, rng, pairs=False, rounds=2):
        assert result.share == 1
        assert result.baseline == 1
        assert result.excess == 0


def test_known_pairs_are_not_counted():
    found = attack(only(x6(), "GD"), "dense", 400)
    assert found[("GD",), GRAPH].records == 400
    assert found[("GD",), "200 known pairs"].records == 200


def test_more_diffusion_leaks_less():
    shares = [
        max(r.share for r in attack(only(product(half), "GD"), "dense", 600).values())
        for half in (1, 3)
    ]
    assert shares[0] > 2 * shares[1]


@pytest.mark.parametrize("group", ["GD", "SP", "DP"])
def test_expected_agreement_is_what_another_secret_shows(group):
    """Known answer: the mean agreement under many secrets is the attacker's expectation."""
    scheme = only(x6(), group)
    columns = dense_people(60)
    columns["date_of_birth"] = columns["date_of_birth"][:6] * 10  # so that some agree
    rows = standard(scheme, columns)
    sight = look(scheme, SECRET, rows, np.random.default_rng(1))
    shown = np.mean(
        [
            agreement(Encoder(scheme, LinkageSecret(bytes([k]) * 32)).encode(rows), 0, 512)
            for k in range(40)
        ],
        axis=0,
    )
    assert np.abs(shown - sight.views[0].kernel).mean() < 0.012
    assert np.corrcoef(shown.ravel(), sight.views[0].kernel.ravel())[0, 1] > 0.97


def test_shared_keys_of_swapped_names_are_expected_too():
    """Given and surname of a group share keys, so exchanged names agree and are known to."""
    scheme = only(x6(), "GSY")
    columns = {name: cells[:60] for name, cells in dense_people(60).items()}
    columns["given_name"][1] = columns["surname"][0]
    columns["surname"][1] = columns["given_name"][0]
    for field in ("date_of_birth", "middle_name"):
        columns[field][1] = columns[field][0]
    sight = look(scheme, SECRET, standard(scheme, columns), np.random.default_rng(1))
    assert sight.views[0].kernel[0, 1] > 0.7  # not 1: the two set 31 and 29 bits a token


def test_null_groups_are_no_evidence_and_never_matched_with_others():
    columns = dense_people(300)
    columns["date_of_birth"] = [
        "" if k % 3 else day for k, day in enumerate(columns["date_of_birth"])
    ]
    scheme = only(x6(), "GD", "GP")
    rows = standard(scheme, columns)
    rng = np.random.default_rng(2)
    results = {
        (r.groups, r.attack): r
        for r in attack_sample("gaps", scheme, SECRET, rows, rng, pairs=False, rounds=2)
    }
    assert results[("GD",), GRAPH].records == 100
    assert results[("GP",), GRAPH].records == 300


def test_the_best_assignment_is_found():
    score = np.array([[9, 8, 0], [8, 1, 0], [0, 0, 1]], np.float32)
    assert assign(score).tolist() == [1, 0, 2]


def test_the_quick_assignment_is_one_to_one_and_nearly_the_best():
    score = np.random.default_rng(0).standard_normal((300, 300)).astype(np.float32)
    quick, best = assign_quickly(score), assign(score)
    assert sorted(quick) == list(range(300))
    rows = np.arange(300)
    assert score[rows, quick].sum() > 0.85 * score[rows, best].sum()


def test_profiles_trust_what_reappears_under_another_key():
    rng = np.random.default_rng(0)
    told, noise = rng.standard_normal((2, 200, 1))
    other, third = rng.standard_normal((2, 200, 1))
    listed, simulated = np.hstack([told, 50 * noise]), np.hstack([told, 50 * other])
    order = rng.permutation(200)
    observed = np.hstack([told, 50 * third])[order]
    found = assign(match_profiles(listed, simulated, observed))
    assert (order[found] == np.arange(200)).mean() > 0.95
