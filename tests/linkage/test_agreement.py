"""Agreements are read strictly: every fault is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from linkage.errors import InputError, PolicyError
from linkage.protocol.agreement import Agreement, parse_agreement
from linkage.protocol.sections.matching import Outputs

EXAMPLES = sorted(Path("examples").glob("*/*agreement*.toml")) + sorted(
    Path("examples/evaluation").glob("*.toml")
)
TEXT = Path("examples/safeguarding/agreement.toml").read_text(encoding="utf-8")

COSTS = "costs = { false_link = 1, missed_link = 99 }"


def parse(text: str) -> Agreement:
    return parse_agreement(text, "agreement.toml")


def changed(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new)


@pytest.mark.parametrize("path", EXAMPLES, ids=str)
def test_every_example_is_valid(path):
    agreement = parse_agreement(path.read_text(encoding="utf-8"), str(path))
    assert agreement.party


def test_the_digest_is_of_the_scheme_alone_and_knows_its_defaults():
    digest = parse(TEXT).scheme.digest()
    assert parse(changed("link = 0.5", "link = 0.6")).scheme.digest() == digest
    assert (
        parse(changed('comparison = "qgram", q = 2', 'comparison = "qgram"')).scheme.digest()
        == digest
    )
    assert parse(changed("bits_per_token = 16", "bits_per_token = 15")).scheme.digest() != digest


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[agreement", "not valid TOML"),
        ("", "scheme"),
        (changed("version = 1", "version = 1\ncolour = 2"), "colour: not a known setting"),
        (changed("link = 0.5", "link = 1.5"), "matching.link: Input should be less than 1"),
        (changed("link = 0.5", "link = '0.5'"), "matching.link: Input should be a valid number"),
        (changed("review = 0.1", "review = 0.9"), "review must not be above link"),
        (changed("link = 0.5", f"link = 0.5\n{COSTS}"), "not both"),
        (changed("link = 0.5", COSTS), "which is 0.01 here"),
        (changed("link = 0.5", COSTS.replace("1", "0")), "greater than 0"),
        (changed("length = 128", "length = 130"), "multiple of 64"),
        (changed('"uk-person/1"', '"martian/1"'), "scheme.profile"),
        (changed('features = ["date"]', 'features = ["dates"]'), "unknown feature 'dates'"),
        (changed('{ field = "surname"', '{ field = "surnames"'), "unknown field 'surnames'"),
        (changed('name = "GD"', 'name = "SD"'), "two groups have the same name"),
        (changed('name = "police"', 'name = "health"'), "two parties have the same name"),
        (changed("bits_per_token = 16", "q = 2"), "not valid TOML"),
        (changed(", bits_per_token = 16", ""), "exactly one of bits_per_token"),
        (changed("diffusion = 1 }", "diffusion = 0 }"), "either every part"),
        (changed("[scheme]\n", "[scheme]\nkdf = { info = 'Y29uY29yZA==' }\n"), "one part"),
        (changed("link = 0.5", "levels = { GD = [0.5, 0.9] }"), "must fall strictly"),
        (changed("link = 0.5", "levels = { XX = [0.5] }"), "unknown groups: XX"),
        (f"{TEXT}\n[outputs]\nleast_cell = 0\n", "outputs.least_cell: Input should be greater"),
        (f"{TEXT}\n[outputs]\nrounding = 2.5\n", "outputs.rounding: Input should be a valid int"),
        (f"{TEXT}\n[outputs]\nrounding = 4\n", "least_cell must be a multiple of rounding"),
        (f"{TEXT}\n[outputs]\nleast = 5\n", "outputs.least: not a known setting"),
    ],
)  # fmt: skip
def test_faults_are_named(text, complaint):
    with pytest.raises(InputError) as caught:
        parse(text)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_group_over_one_field_is_refused_unless_the_agreement_says_so():
    weak = changed(
        'features = ["given"], diffusion = 4 },\n  { label = "date", features = ["date_pairs"]',
        'features = ["given"], diffusion = 4 },\n  { label = "date", features = ["given"]',
    )
    with pytest.raises(PolicyError, match="GD"):
        parse(weak)
    parse(weak.replace("[scheme]\n", "[scheme]\nallow_weak_groups = true\n"))


def test_parties():
    agreement = parse(changed('name = "police"\nclean = true', 'name = "police"\nclean = false'))
    agreement.require_party("police")
    with pytest.raises(InputError, match="'fire' is not a party"):
        agreement.require_party("fire")
    assert agreement.is_clean("health")
    assert not agreement.is_clean("police")


def test_the_link_probability_follows_from_the_costs_of_mistakes():
    costly = parse(changed("link = 0.5", "costs = { false_link = 9, missed_link = 1 }"))
    assert costly.matching.link_probability == pytest.approx(0.9)
    assert parse(TEXT).matching.link_probability == 0.5
    assert parse(changed("link = 0.5", "")).matching.link_probability == 0.5


def test_counts_are_withheld_and_rounded_as_agreed_or_as_usual():
    assert parse(TEXT).outputs == Outputs(least_cell=10, rounding=5)
    agreed = parse(f"{TEXT}\n[outputs]\nleast_cell = 6\nrounding = 3\n")
    assert agreed.outputs == Outputs(least_cell=6, rounding=3)
    assert agreed.scheme.digest() == parse(TEXT).scheme.digest()
