"""A cohort says who is whom under pseudonyms of its own, to its analyst, and the log knows."""

from __future__ import annotations

import io
from functools import partial

import numpy as np
import pyarrow.parquet as pq
import pytest

from linkage.errors import (
    ConflictError,
    InputError,
    MissingError,
    NotReadyError,
    PolicyError,
    VerificationError,
)
from linkage.protocol.cohort.messages import digest_of, verify_cohort
from linkage.protocol.cohort.payload import open_payload
from linkage.protocol.disclosure.replies import EvidenceRequest
from matcher.cohorts import pulling as pulling_module
from matcher.cohorts import service as service_module
from matcher.cohorts.mapping import cohort_names, make_map
from matcher.disclosures.clusters import RunClusters
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST
from tests.linkage.protocol.parties import CARE, POLICE
from tests.matcher.cohorts.conftest import PEOPLE
from tests.matcher.cohorts.erasers import erasing_of
from tests.matcher.cohorts.worlds import CohortWorld
from tests.matcher.disclosures.worlds import _table, cluster_id, evidence_in


def test_every_person_of_a_payload_is_in_the_map_once(world: CohortWorld):
    world.push(CARE, POLICE)
    entry = world.pull()
    verified = world.verified(entry.id)
    records = world.map(entry.id).records.to_pandas()
    assert list(verified.payloads) == ["care", "police"]
    for own in (CARE, POLICE):
        manifest = verified.payloads[own.name]
        pieces = [
            world.services.cohorts.piece(AGREEMENT, "analyst", entry.id, own.name, number)
            for number in range(len(manifest.pieces))
        ]
        opened = open_payload(AGREEMENT, own.name, manifest, pieces, ANALYST)
        mapped = records.loc[records["agency"] == own.name, "person"]
        assert sorted(opened.people["person"].to_pylist()) == sorted(mapped)
    assert records.loc[records["agency"] == "health", "person"].isna().all()
    together = records.groupby("pseudonym")["agency"].agg(lambda own: "+".join(sorted(own)))
    assert sorted(together) == ["care", "care+health+police", "care+health+police", "care+police"]


def test_the_cohort_says_what_it_is_of(world: CohortWorld):
    world.push(CARE)
    entry = world.pull()
    found = world.verified(entry.id)
    own = [(one.agency, one.round, one.records, one.payload is None) for one in
           found.cohort.agencies]  # fmt: skip
    assert own == [("care", 1, 4, False), ("health", 1, 2, True), ("police", 1, 3, True)]
    assert found.cohort.agencies[0].upload == digest_of(b"of care")
    assert found.event.counts == {"agencies": 1}
    assert (entry.agencies, entry.purpose, entry.state) == (("care",), "safeguarding", "kept")
    assert entry.pulled == world.now


def test_the_same_request_is_the_same_cohort_and_another_joins_with_none(world: CohortWorld):
    world.push(CARE)
    asked = world.asked()
    cohorts = world.services.cohorts
    first, again = (cohorts.pull(AGREEMENT, "analyst", asked) for _ in range(2))
    assert first == again
    assert len(world.run_events("cohort.pulled")) == 1
    second = world.pull(reference="Another")
    names = [set(world.map(own.id).records["pseudonym"].to_pylist()) for own in (first, second)]
    assert len(names[0]) == len(PEOPLE)
    assert not names[0] & names[1]
    in_run = {bytes.fromhex(own) for own in world.pseudonyms(*PEOPLE)}
    assert not in_run & names[0]


def test_no_token_no_cluster_id_and_no_key_is_handed_over(small_world: CohortWorld):
    world = small_world
    world.push(CARE)
    entry = world.pull()
    cohorts = world.services.cohorts
    said = cohorts.people_map(AGREEMENT, "analyst", entry.id)
    said += repr(cohorts.file(AGREEMENT, "analyst", entry.id)).encode()
    for own in [one for tokens in world.tokens.values() for one in tokens]:
        assert own not in said
        assert own.hex().encode() not in said
    for name in PEOPLE:
        assert cluster_id(name).encode() not in said
    assert bytes([7]) * 32 not in said
    assert (bytes([7]) * 32).hex().encode() not in said


def test_household_hints_come_by_the_cohorts_pseudonyms(small_world: CohortWorld):
    world = small_world
    near = ("police", "ann police 0", "care", "bob care 0")
    inside = ("police", "ann police 0", "care", "ann care 0")
    gone = ("police", "ann police 0", "care", "nobody")
    world.run(PEOPLE, hints=[near, near, inside, gone])
    world.push(CARE, POLICE)
    found = world.map(world.pull().id)
    pairs = found.households.to_pylist()
    assert len(pairs) == 1
    records = found.records.to_pandas().groupby("pseudonym")["agency"].count()
    assert [records[pairs[0][end]] for end in ("pseudonym", "other")] == [3, 3]


def test_probabilities_are_those_of_the_links(small_world: CohortWorld):
    small_world.run(PEOPLE, probability={"eve": 0.7})
    records = small_world.map(small_world.pull().id).records.to_pandas()
    assert sorted(records["probability"]) == [0.7, 0.7, *[0.99] * 7]


def test_only_what_the_agreement_allows_is_pulled(small_world: CohortWorld):
    world = small_world
    for changes, error, why in (
        ({"purpose": "curiosity"}, PolicyError, "purpose_codes"),
        ({"at": world.now - 301}, InputError, "set your clock"),
        ({"at": world.now + 61}, InputError, "set your clock"),
        ({"epoch": 2}, VerificationError, "epoch 2"),
        ({"reason": "Born 2011-03-04"}, InputError, "names nobody"),
    ):
        with pytest.raises(error, match=why):
            world.pull(**changes)
    with pytest.raises(PolicyError, match="sent it"):
        world.services.cohorts.pull(AGREEMENT, "other", world.asked())
    assert not world.run_events("cohort.pulled")
    assert not world.objects()


def test_only_so_many_cohorts_are_kept(small_world: CohortWorld, monkeypatch):
    monkeypatch.setattr(pulling_module, "MOST_KEPT", 1)
    small_world.pull()
    with pytest.raises(PolicyError, match="are kept"):
        small_world.pull(reference="Another")


def test_an_analyst_has_its_own_cohorts_alone(small_world: CohortWorld):
    world = small_world
    entry = world.pull()
    cohorts = world.services.cohorts
    for call in (cohorts.file, cohorts.people_map):
        with pytest.raises(MissingError):
            call(AGREEMENT, "other", entry.id)
    assert cohorts.visible(AGREEMENT, "analyst").cohorts == (entry,)
    assert cohorts.visible(AGREEMENT, "officer").cohorts == (entry,)
    assert cohorts.visible(AGREEMENT, "other").cohorts == ()
    with pytest.raises(MissingError):
        cohorts.piece(AGREEMENT, "analyst", entry.id, "care", 0)


def test_what_the_store_has_changed_is_not_handed_over(small_world: CohortWorld):
    world = small_world
    world.push(CARE)
    entry = world.pull()
    for key in world.objects():
        world.services.objects.put(key, b"something else")
    cohorts = world.services.cohorts
    with pytest.raises(VerificationError, match="isn't what was stored"):
        cohorts.people_map(AGREEMENT, "analyst", entry.id)
    with pytest.raises(VerificationError, match="isn't what was stored"):
        cohorts.piece(AGREEMENT, "analyst", entry.id, "care", 0)


def test_a_cohort_is_verified_once_and_not_fetched_after_its_end(
    small_world: CohortWorld, monkeypatch
):
    world, verified = small_world, []
    world.push(CARE)
    entry = world.pull()

    def counted(content, source, agreement):
        verified.append(content)
        return verify_cohort(content, source, agreement)

    monkeypatch.setattr(service_module, "verify_cohort", counted)
    fetch = partial(world.services.cohorts.piece, AGREEMENT, "analyst", entry.id, "care", 0)
    assert fetch() == fetch()
    assert len(verified) == 1
    world.clock.forward(days=100)
    erasing_of(world.services, world.clock).erase()
    with pytest.raises(PolicyError, match="payload_days"):
        fetch()


def test_a_run_that_finishes_meanwhile_is_asked_for_again(small_world: CohortWorld, monkeypatch):
    world, made = small_world, pulling_module.map_bytes

    def overtaken(found):
        monkeypatch.undo()
        world.run(PEOPLE)
        return made(found)

    monkeypatch.setattr(pulling_module, "map_bytes", overtaken)
    asked = world.asked()
    with pytest.raises(NotReadyError, match="ask again"):
        world.services.cohorts.pull(AGREEMENT, "analyst", asked)
    assert not world.objects()
    assert world.services.cohorts.pull(AGREEMENT, "analyst", asked).run == list(world.names)[-1]


def evidence(world: CohortWorld, entry, names, party: str = "analyst") -> bytes:
    asked = EvidenceRequest(tuple(sorted(names)), entry.id)
    resolved = world.services.cohorts.resolved(AGREEMENT, party, asked)
    return world.services.disclosures.evidence(AGREEMENT, party, resolved)


def names_of(world: CohortWorld, entry, size: int) -> list[str]:
    records = world.map(entry.id).records.to_pandas().groupby("pseudonym")["agency"].count()
    return [name.hex() for name in records[records == size].index]


def test_evidence_can_be_asked_for_by_a_cohorts_pseudonyms(world: CohortWorld):
    entry = world.pull()
    found = evidence_in(evidence(world, entry, names_of(world, entry, 3)))
    assert [own.cluster for own in found.clusters] == list(world.pseudonyms("ann", "bob"))


def test_evidence_is_for_ones_own_cohort_of_the_newest_run(small_world: CohortWorld):
    world = small_world
    entry = world.pull()
    names = names_of(world, entry, 3)
    with pytest.raises(MissingError):
        evidence(world, entry, names, "police")
    with pytest.raises(MissingError, match="isn't in the cohort"):
        evidence(world, entry, [*names, "00" * 16])
    wrong = EvidenceRequest(tuple(sorted(names, reverse=True)), entry.id)
    with pytest.raises(InputError, match="in order"):
        world.services.cohorts.resolved(AGREEMENT, "analyst", wrong)
    world.run(PEOPLE)
    with pytest.raises(ConflictError, match="pull a new one"):
        evidence(world, entry, names)


def run_of(people: int, agencies: tuple[str, ...]) -> RunClusters:
    """A made-up run in which every agency has a record of everybody."""
    rng, count = np.random.default_rng(1), len(agencies)
    names = np.sort(np.frombuffer(rng.bytes(16 * people), "S16"))
    return RunClusters(
        "ab" * 16, agencies, names, np.arange(people + 1) * count,
        np.tile(np.arange(count, dtype=np.int32), people),
        rng.integers(0, 256, (people * count, 16), np.uint8), np.full(people * count, 0.9),
    )  # fmt: skip


def test_a_map_has_a_row_for_every_record_in_order():
    clusters = run_of(50, ("care", "police"))
    names = cohort_names(bytes(32), clusters)
    assert len(np.unique(names)) == 50
    found = make_map(clusters, bytes(32), {"care": bytes([1]) * 32}, None).records
    twice = sorted(name.ljust(16, b"\0") for name in names.tolist() for _ in "ab")
    assert found["pseudonym"].to_pylist() == twice
    assert found["person"].null_count == 50


def test_the_file_of_hints_is_read_as_runs_write_it(small_world: CohortWorld):
    """A run without any has a table of no rows, and one that can't show any has no file."""
    clusters = run_of(2, ("care", "police"))
    near = [("care", clusters.token[0].tobytes().hex(), "police",
             clusters.token[3].tobytes().hex())]  # fmt: skip
    names = ("agency_a", "token_a", "agency_b", "token_b")
    for hints, count in ((near, 1), ([], 0)):
        content = _table(zip(*hints, strict=True), *names)
        assert pq.read_table(io.BytesIO(content)).num_rows == count
        assert make_map(clusters, bytes(32), {}, content).households.num_rows == count
    with pytest.raises(VerificationError, match="damaged"):
        make_map(clusters, bytes(32), {}, b"no table")
