"""Who is recognised: the person that is looked up, with a typo or two, and nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from linkage.encodings import join
from linkage.fellegi_sunter import probability
from linkage.linking import complete_scans, link_scanned
from linkage.protocol.agreement import parse_agreement
from linkage.recognition import Judge, likeliest, recognise
from linkage.scanning import bring_together
from linkage.sources import gather
from matcher.lookups.comparing import bits_of
from matcher.runs.inputs import linking_rules
from tests.hashing.schemes import AGREEMENT_X6
from tests.matcher.lookups.known_people import (
    SIBLINGS,
    TWINS,
    agencies_of,
    encode_rows,
    encoded_person,
    made_up_people,
    with_typo,
)

COUNT, KNOWN = 500, 400
"""So many people there are; those from `KNOWN` on, relatives of the first, nobody knows."""
NAMES = ("care", "health", "police")


class World:
    """Three agencies that were linked, and what the run has learnt."""

    def __init__(self) -> None:
        text = AGREEMENT_X6.read_text(encoding="utf-8")
        self.agreement = parse_agreement(text, "x6")
        self.people = made_up_people(COUNT)
        rng = np.random.default_rng(1)
        held = {name: sorted(rng.choice(KNOWN, 260, replace=False).tolist()) for name in NAMES}
        self.agencies = agencies_of(self.agreement.scheme, self.people, held)
        rules = linking_rules(self.agreement)
        files = [own.encodings for own in self.agencies.values()]
        sources = gather(files, dict.fromkeys(NAMES, True))
        scans = complete_scans(sources, rules, {}, map)
        candidates = bring_together(sources, rules.comparisons, scans)
        linkage, evidence = link_scanned(sources, rules, candidates)
        assigned = evidence.assigned
        self.judge = Judge.learnt(
            linkage.model, rules.holds_given_name, rules.link, assigned.levels, assigned.probability
        )

    def found(self, agency: str, rows: Sequence[dict[str, str]]) -> list[list[str]]:
        """Return, for each person, the tokens of an agency's records that are recognised."""
        encodings = self.agencies[agency].encodings
        _, bits, present = encode_rows(self.agreement.scheme, rows)
        found = []
        for own, there in zip(bits, present, strict=True):
            hits = recognise(self.judge, own, there, encodings)
            found.append([token.hex() for token in likeliest([hits], 16, clean=True)])
        return found


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_who_is_known_is_found_even_with_a_typo(world: World):
    rng = np.random.default_rng(2)
    found = wanted = 0
    for name, agency in world.agencies.items():
        rows = [with_typo(world.people[number], rng) for number in agency.whose]
        for number, hits in zip(agency.whose, world.found(name, rows), strict=True):
            wanted += 1
            found += hits == agency.tokens_of(number)
            assert hits in ([], agency.tokens_of(number))
    assert found / wanted > 0.95


def test_strangers_are_not_found(world: World):
    strangers = world.people[KNOWN : COUNT - SIBLINGS - TWINS]
    assert not any(hits for name in NAMES for hits in world.found(name, strangers))


def test_siblings_and_twins_are_not_taken_for_each_other(world: World):
    """The last people share home and surname with the first ones, half of them the birthday."""
    relatives = world.people[COUNT - SIBLINGS - TWINS :]
    assert not any(hits for name in NAMES for hits in world.found(name, relatives))


def test_who_is_known_without_an_address_is_found_or_nobody(world: World):
    care = world.agencies["care"]
    nowhere = {"address": "", "city": "", "postcode": ""}
    rows = [world.people[number] | nowhere for number in care.whose]
    found = world.found("care", rows)
    assert all(
        hits in ([], care.tokens_of(number)) for number, hits in zip(care.whose, found, strict=True)
    )
    assert sum(map(bool, found)) > 0.8 * len(found)


def test_a_clean_agency_is_told_of_one_record_and_others_of_all(world: World):
    care, judge = world.agencies["care"], world.judge
    twice = join([care.encodings, replace(care.encodings, tokens=care.encodings.tokens ^ 1)])
    person = encoded_person(world.agreement.scheme, world.people[care.whose[0]])
    bits = bits_of(person, care.encodings.header.layout)
    hits = recognise(judge, bits, np.array(person.present), twice)
    assert len(likeliest([hits], 16, clean=False)) == 2
    assert len(likeliest([hits], 16, clean=True)) == 1
    assert len(likeliest([hits], 1, clean=False)) == 1
    assert likeliest([], 16, clean=False) == []


def test_without_assigned_pairs_the_model_speaks_for_itself(world: World):
    model, odds = world.judge.model, np.array([-3.0, 0.0, 3.0])
    nothing = np.empty((0, 6), np.int8), np.empty(0)
    judge = Judge.learnt(model, (), 0.5, *nothing)
    assert (judge.probability(odds) == probability(odds)).all()
