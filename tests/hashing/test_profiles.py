"""Profiles never change once released: any other outcome than these needs a new profile."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hashing.identifiers import standardise_nhs_number, standardise_upn
from hashing.profiles import RULES
from hashing.standardise import standardise
from linkage.protocol.scheme import Scheme
from tests.hashing.schemes import one_part

VECTORS = Path(__file__).parents[1] / "vectors"
# SHA-256 of every outcome in the vectors. A new row changes it; an old row never may.
DIGESTS = {
    "uk-person/1": "96aa453672932fbe3b83f6a8de25ac89164cebb222cbbc8a7c07c87cea802d2c",
    "generic/1": "79b26fe5a9af8bdd133207190cd6b298aa7c25f5440ee02b1621628eeedfe715",
}


def vectors(profile):
    path = VECTORS / f"standardise_{profile.replace('/', '-')}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def outcomes(profile):
    return {
        kind: [[raw, cell.value, bool(cell.damage)] for raw, _, _ in rows for cell in [rule(raw)]]
        for kind, rows in vectors(profile).items()
        for rule in [RULES[profile][kind]]
    }


@pytest.mark.parametrize("profile", RULES)
def test_every_outcome_is_that_of_the_vectors(profile):
    assert outcomes(profile) == vectors(profile)


@pytest.mark.parametrize("profile", RULES)
def test_the_outcomes_are_those_released(profile):
    text = json.dumps(outcomes(profile), sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest() == DIGESTS[profile]


@pytest.mark.parametrize(("profile", "kind"), [(p, k) for p in RULES for k in RULES[p]])
def test_whole_columns_are_standardised_as_single_values(profile, kind):
    feature = {"f": {"field": "v", "comparison": "exact", "bits_per_token": 4}}
    kept = one_part(feature, 64, types={"v": {"type": kind, "damaged": "keep"}})
    rows = vectors(profile)[kind] * 2
    column = standardise(_as_profile(kept, profile), {"v": [raw for raw, _, _ in rows]}).columns[
        "v"
    ]
    assert [column.values[code] for code in column.codes] == [value for _, value, _ in rows]


@pytest.mark.parametrize("profile", RULES)
def test_every_type_has_vectors(profile):
    assert vectors(profile).keys() == RULES[profile].keys()


KINDS = [(profile, kind) for profile, rules in RULES.items() for kind in rules]


@pytest.mark.parametrize(("profile", "kind"), KINDS)
@given(
    text=st.text()
    | st.text("aMr'- .+0123456789/", max_size=16)
    | st.from_regex(r"\+?[0-9]{9,13}", fullmatch=True)
)
def test_standardising_twice_changes_nothing(profile, kind, text):
    rule = RULES[profile][kind]
    cell = rule(text)
    assert rule(cell.value).value == cell.value


@given(st.integers(0, 999_999_999))
def test_one_check_digit_at_most_makes_an_nhs_number(nine):
    numbers = [f"{nine:09}{last}" for last in range(10)]
    sound = [n for n in numbers if not standardise_nhs_number(n).damage]
    weighted = sum(w * int(d) for w, d in zip(range(10, 1, -1), f"{nine:09}", strict=True))
    expected = 11 - weighted % 11
    last = {11: "0", 10: None}.get(expected, str(expected))
    repeated = {n for n in numbers if len(set(n)) == 1}
    assert set(sound) == ({f"{nine:09}{last}"} if last else set()) | repeated


@given(st.integers(0, 10**12 - 1), st.integers(0, 11), st.integers(1, 9))
def test_a_wrong_digit_in_a_upn_is_found(twelve, place, change):
    digits = f"{twelve:012}"
    letter = next(c for c in "abcdefghjklmnpqrtuvwxyz" if _upn_ok(c + digits))
    other = str((int(digits[place]) + change) % 10)
    wrong = letter + digits[:place] + other + digits[place + 1 :]
    cell = standardise_upn(wrong.upper())
    assert cell.damage
    assert cell.value == wrong


def _upn_ok(upn):
    return not standardise_upn(upn).damage


def test_a_temporary_upn_counts_its_last_letter():
    sound = [c for c in "abcdefghjklmnpqrtuvwxyz" if _upn_ok(f"{c}80120000500b")]
    # 2·8 + 3·0 + 4·1 + 5·2 + 10·5 + 13·1 (b), modulo 23.
    assert sound == ["abcdefghjklmnpqrtuvwxyz"[(16 + 4 + 10 + 50 + 13) % 23]]


def test_the_profile_is_part_of_the_digest_and_rules_the_encoding():
    feature = {"f": {"field": "born", "comparison": "exact", "bits_per_token": 4}}
    types = {"born": {"type": "date", "damaged": "missing"}}
    uk = one_part(feature, 64, types=types)
    generic = _as_profile(uk, "generic/1")
    assert uk.digest() != generic.digest()
    column = {"born": ["03/04/2011", "2011-04-03"]}
    assert standardise(uk, column).columns["born"].values == ("20110403",)
    assert standardise(generic, column).columns["born"].values == ("", "20110403")


def _as_profile(scheme, profile):
    names = ("version", "fields", "features", "group", "allow_weak_groups")
    return Scheme(profile=profile, **{name: getattr(scheme, name) for name in names})


@pytest.mark.parametrize("kind", ["nhs_number", "upn"])
def test_generic_has_no_british_numbers(kind):
    feature = {"f": {"field": "n", "comparison": "exact", "bits_per_token": 4}}
    uk = one_part(feature, 64, types={"n": {"type": kind}})
    with pytest.raises(ValidationError, match=f"generic/1 has no type {kind}"):
        _as_profile(uk, "generic/1")


def test_generic_has_no_outward_code():
    feature = {"f": {"field": "p", "take": "outward", "comparison": "exact", "bits_per_token": 4}}
    uk = one_part(feature, 64, types={"p": {"type": "postcode"}})
    with pytest.raises(ValidationError, match="generic/1 has no outward code"):
        _as_profile(uk, "generic/1")
