"""Measures, samples, and the report that they make with the attacks."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from agency_client.ready_schemes import ready_scheme
from hashing.encoder import EncodedRows, Encoder
from hashing.risk import LIMIT, AttackResult, LeakageReport, Plan, assess
from hashing.risk import measures as names
from hashing.risk.measures import measure
from hashing.risk.samples import dense_rows, own_rows
from hashing.secret import LinkageSecret
from linkage.encodings import GroupLayout
from tests.hashing.people import dense_people, plain, single_field, sparse_people, union
from tests.hashing.schemes import x6

SECRET = LinkageSecret(b"an agency's secret for the tests!")
LAYOUT = (GroupLayout("G", 128),)
QUICK = Plan(own=400, dense=(400,), pairs_to=0, rounds=4)


def standard(scheme, columns):
    return Encoder(scheme, SECRET).standardise(columns)


def values(rows, field):
    column = rows.columns[field]
    return [column.values[code] for code in column.codes]


def encoded(bits):
    words = np.packbits(bits, axis=1).view("<u8").astype(np.uint64)
    return EncodedRows(words[:, None, :], np.ones((len(bits), 1), bool), ())


def measured(bits, seed=0):
    found = measure(encoded(bits), LAYOUT, np.random.default_rng(seed))
    return {m.name: m for m in found}


def random_bits(count, fill=0.5, seed=0):
    return np.random.default_rng(seed).random((count, 128)) < fill


def test_random_bits_measure_as_random():
    found = measured(random_bits(500), seed=1)
    assert found[names.FILL].value == pytest.approx(0.5, abs=0.01)
    for m in found.values():
        assert m.value == pytest.approx(m.baseline, rel=0.3, abs=0.005)
    assert found[names.DUPLICATES].value == found[names.NEAR_DUPLICATES].value == 0


def test_each_fault_is_measured():
    bits = random_bits(500)
    bits[:, 0] = True
    bits[:, 1] = bits[:, 2]
    bits[1] = bits[0]
    bits[2] = bits[0]
    bits[4] = bits[3]
    bits[4, :3] ^= True
    found = measured(bits)
    assert found[names.CONSTANT].value == pytest.approx(1 / 128)
    assert found[names.CONSTANT].baseline == 0
    assert found[names.CORRELATION].value > 0.98
    assert found[names.DUPLICATES].value == 3
    assert found[names.NEAR_DUPLICATES].value == 2
    assert found[names.DIVERGENCE].value > 2 * found[names.DIVERGENCE].baseline


def test_divergence_has_its_known_value():
    bits = np.zeros((8, 128), bool)
    bits[:, :64] = True  # fill ½, every bit constant: one bit of divergence each
    assert measured(bits)[names.DIVERGENCE].value == pytest.approx(1)
    assert measured(np.zeros((8, 128), bool))[names.DIVERGENCE].value == 0


def test_null_encodings_are_not_measured():
    bits = random_bits(10)
    rows = encoded(bits)
    rows.present[5:] = False
    rows.bits[5:] = 0
    found = measure(rows, LAYOUT, np.random.default_rng(0))
    assert {m.name: m.value for m in found}[names.DUPLICATES] == 0
    rows.present[1:] = False
    assert measure(rows, LAYOUT, np.random.default_rng(0)) == ()


def test_own_rows_are_whole_records_drawn_at_random():
    rows = standard(x6(), sparse_people(50))
    drawn = own_rows(rows, 20, np.random.default_rng(0))
    whole = set(zip(*(values(rows, f) for f in x6().fields), strict=True))
    assert drawn.count == 20
    assert set(zip(*(values(drawn, f) for f in x6().fields), strict=True)) <= whole
    assert own_rows(rows, 80, np.random.default_rng(0)).count == 50


def test_a_dense_sample_has_the_density_of_a_large_population():
    rows = standard(x6(), sparse_people(1500))
    dense = dense_rows(x6(), rows, 2400, np.random.default_rng(0))
    assert dense.count == 2400
    assert len(set(values(dense, "given_name")) - {""}) == 30
    assert len(set(values(dense, "surname")) - {""}) == 60
    assert 650 < len(set(values(dense, "date_of_birth"))) <= 730
    places = set(zip(*(values(dense, f) for f in ("address", "city", "postcode")), strict=True))
    assert 380 < len(places) <= 400


def test_a_dense_sample_is_drawn_from_the_most_frequent_values():
    columns = sparse_people(600)
    columns["surname"][:60] = ["Featherstonehaugh"] * 60
    rows = standard(x6(), columns)
    drawn = values(dense_rows(x6(), rows, 500, np.random.default_rng(0)), "surname")
    assert set(drawn) <= set(values(rows, "surname"))
    assert drawn.count("featherstonehaugh") == max(map(drawn.count, set(drawn)))


@pytest.mark.parametrize("count", [1, 3, 40])
def test_few_rows_are_made_up_to_a_dense_sample(count):
    rows = standard(x6(), {name: cells[:count] for name, cells in sparse_people(40).items()})
    dense = dense_rows(x6(), rows, 1500, np.random.default_rng(0))
    assert len(set(values(dense, "surname")) - {""}) == 60
    assert len(set(values(dense, "address")) - {""}) > 350
    assert values(rows, "surname")[0] in values(dense, "surname")


def test_gaps_stay_gaps():
    columns = sparse_people(300)
    columns["date_of_birth"][:150] = [""] * 150
    columns["city"] = [""] * 300
    columns["postcode"] = [""] * 300
    dense = dense_rows(x6(), standard(x6(), columns), 1000, np.random.default_rng(0))
    assert values(dense, "date_of_birth").count("") == pytest.approx(500, abs=80)
    assert set(values(dense, "city")) == {""}
    assert "" not in values(dense, "address")


def test_an_extract_without_any_value_can_be_assessed():
    rows = standard(x6(), {name: [""] * 5 for name in x6().fields})
    report = assess(x6(), SECRET, rows, seed=0)
    assert report.attacks == ()
    assert report.passed
    assert report.worst is None


@pytest.mark.parametrize("scheme", [plain(), single_field(), union()], ids=lambda s: s.version)
def test_leaky_schemes_fail_even_on_a_sparse_extract(scheme):
    scheme = replace(scheme, group=scheme.group[:2])
    report = assess(
        scheme, SECRET, standard(scheme, sparse_people(400)), seed=1, plan=QUICK
    )  # fmt: skip
    assert not report.passed
    assert any(result.sample == "dense" for result in report.failed)
    assert report.undiffused == (("CLK",) if scheme.version == "plain" else ())
    assert bool(report.weak_groups) == (scheme.version == "single field")


@pytest.mark.parametrize("name", ["x6", "x6-private", "x6-years"])
@pytest.mark.parametrize("people", [sparse_people, dense_people])
def test_ready_schemes_pass(name, people):
    scheme = ready_scheme(name).scheme
    columns = {field: cells for field, cells in people(1000).items() if field in scheme.fields}
    plan = Plan(own=450, dense=(450,), pairs_to=0, rounds=8)
    report = assess(scheme, SECRET, standard(scheme, columns), seed=1, plan=plan)
    assert report.passed, report.worst
    # It is the hiding that does it: the dense sample alone shows what it is worth.
    shown = replace(scheme, local_suppression=False)
    plan = replace(plan, own=200)
    without = assess(shown, SECRET, standard(scheme, columns), seed=1, plan=plan)
    assert report.worst.excess < 0.5 * without.worst.excess


def test_it_is_the_hiding_that_protects():
    scheme = ready_scheme("x6").scheme
    columns = {field: dense_people(600)[field] for field in scheme.fields}
    shown = replace(scheme, local_suppression=False)
    plan = Plan(own=600, dense=(), pairs_to=0, rounds=8)
    report = assess(shown, SECRET, standard(shown, columns), seed=1, plan=plan)
    assert not report.passed


def test_only_clean_extracts_are_attacked_as_if_hidden():
    scheme = ready_scheme("x6").scheme
    columns = {field: dense_people(400)[field] for field in scheme.fields}
    plan = Plan(own=400, dense=(), pairs_to=0, rounds=1)
    rows = standard(scheme, columns)
    hidden, shown = (
        assess(scheme, SECRET, rows, seed=1, plan=plan, clean=clean) for clean in (True, False)
    )
    doubles = [
        {m.group: m.value for m in report.measures if m.name == names.DUPLICATES}
        for report in (hidden, shown)
    ]
    assert doubles[0]["GS"] == 0
    assert doubles[1]["GS"] > 50
    assert hidden.scheme_digest == shown.scheme_digest


def test_the_seed_fixes_the_outcome():
    rows = standard(single_field(), dense_people(300))
    first, again, other = (assess(single_field(), SECRET, rows, s, QUICK) for s in (1, 1, 2))
    assert first.attacks == again.attacks
    assert first.attacks != other.attacks


def test_a_small_extract_is_assessed_by_a_small_dense_sample():
    rows = standard(plain(), sparse_people(12))
    report = assess(plain(), SECRET, rows, seed=0)
    assert [(sample.name, sample.records) for sample in report.samples] == [("dense", 300)]
    assert not report.own_rows_attacked
    assert not report.passed
    assert {m.group for m in report.measures} == {"CLK"}


def test_a_sample_is_not_held_to_the_fill_of_the_whole():
    scheme = replace(plain(), required_fill=(0.9, 1.0))
    assess(scheme, SECRET, standard(scheme, sparse_people(30)), seed=0)


def test_pairs_of_groups_are_attacked():
    scheme = replace(x6(), group=x6().group[:3])
    plan = Plan(own=200, dense=(), pairs_to=200, rounds=1)
    report = assess(scheme, SECRET, standard(scheme, sparse_people(200)), seed=0, plan=plan)
    chosen = list(dict.fromkeys(result.groups for result in report.attacks))
    assert [len(groups) for groups in chosen] == [1, 1, 1, 2, 2, 2, 3]


def result(recovered, records=1000, baseline=0.001):
    return AttackResult("dense", 1000, ("G",), "similarity graph", records, recovered, baseline)


def test_the_limit_is_above_chance():
    assert LIMIT == 0.02
    report = LeakageReport("s", "0", LIMIT, (), (), (result(21),), (), (), True, 1.0)
    assert report.passed
    # 29 of 1,000 may be 2.1% and bad luck; 30 are beyond doubt.
    report = replace(report, attacks=(result(29), result(30), result(300), result(5)))
    assert [r.recovered for r in report.failed] == [300, 30]
    assert report.worst.recovered == 300
    common = AttackResult("dense", 1000, ("G",), "frequency", 1000, 300, 0.29)
    assert replace(report, attacks=(common,)).passed


def test_the_interval_is_wilsons():
    low, high = result(10, 100).interval
    assert (low, high) == (pytest.approx(0.0552, abs=1e-4), pytest.approx(0.1744, abs=1e-4))
    assert result(0, 100).interval[0] == 0


def test_no_value_is_in_the_report():
    rows = standard(plain(), sparse_people(250))
    told = repr(asdict(assess(plain(), SECRET, rows, seed=0, plan=QUICK)))
    words = {value for field in ("surname", "address") for value in values(rows, field)}
    assert not [word for word in words if len(word) > 5 and word in told]
