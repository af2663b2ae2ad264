"""The endpoints of payload and cohorts over HTTP, and two matchers that differ in payload alone."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from linkage.protocol.canonical import canonical_json
from linkage.protocol.cohort.messages import digest_of
from linkage.protocol.cohort.payload import open_payload
from linkage.protocol.cohort.people_map import parse_map
from linkage.protocol.cohort.replies import CohortEntry, CohortFile, CohortList, PayloadState
from linkage.protocol.cohort.tables import sorted_tables
from linkage.protocol.problems import parse_problem
from linkage.protocol.replies import parse_reply
from linkage.protocol.settings import settings
from linkage.pulled import verify_cohort_file
from linkage.receipts import verify_payload_receipt
from tests.databases import open_database
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST, HUB, OFFICER
from tests.linkage.protocol.parties import CARE, HEALTH, MATCHER, POLICE
from tests.matcher.api.serving import Matcher, running
from tests.matcher.cohorts.worlds import CohortWorld, Sealed, cohort_request

BASE = f"/v1/agreements/{AGREEMENT.digest()}"
PAYLOAD = BASE + "/rounds/1/payload/analyst"
PEOPLE = {"ann": {"police": 1, "care": 1, "health": 1}, "eve": {"care": 1}}


class Cohorting:
    """Parties that ask a matcher with a finished run and uploads behind it."""

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher
        self.world = CohortWorld(matcher.services, matcher.clock)
        self.world.run(PEOPLE)
        parties = (POLICE, CARE, HEALTH, ANALYST, HUB, OFFICER, MATCHER)
        self.callers = {own: matcher.caller(own) for own in parties}

    def send(self, own, sealed: Sealed) -> bytes:
        """Send every piece and commit; return the receipt."""
        for number, piece in enumerate(sealed.pieces):
            answer = self.callers[own].put(f"{PAYLOAD}/pieces/{number}", piece)
            assert answer.status_code == 204, answer.text
        return self.commit(own, sealed).content

    def commit(self, own, sealed: Sealed):
        body = canonical_json(settings(sealed.body))
        return self.callers[own].post(f"{PAYLOAD}/commit", body)

    def pull(self, **changes) -> CohortEntry:
        asked = cohort_request(ANALYST, self.matcher.clock.seconds, **changes)
        return self.read(self.callers[ANALYST].post(f"{BASE}/cohorts", asked), CohortEntry)

    def get(self, own, path: str, kind=None):
        answer = self.callers[own].get(BASE + path)
        return answer if kind is None else self.read(answer, kind)

    def read(self, answer, kind):
        assert answer.status_code == 200, answer.text
        return parse_reply(TypeAdapter(kind), answer.content, "the answer")


@pytest.fixture
def cohorting(matcher: Matcher) -> Cohorting:
    return Cohorting(matcher)


def problem(answer) -> tuple[int, str]:
    return answer.status_code, parse_problem(answer.content, "the answer")[0].name


def test_from_payload_to_cohort(cohorting: Cohorting):
    sealed = cohorting.world.sealed(CARE)
    receipt = cohorting.send(CARE, sealed)
    verify_payload_receipt(receipt, "it", AGREEMENT, "care", LOG.verifier)
    assert cohorting.commit(CARE, sealed).content == receipt
    state = cohorting.get(CARE, "/rounds/1/payload/analyst", PayloadState)
    assert (state.state, state.received) == ("committed", {"0": digest_of(sealed.pieces[0])})

    entry = cohorting.pull()
    file = cohorting.get(ANALYST, f"/cohorts/{entry.id}", CohortFile)
    found = verify_cohort_file(file, "it", AGREEMENT, "analyst", LOG.verifier)
    content = cohorting.get(ANALYST, f"/cohorts/{entry.id}/map").content
    assert hashlib.sha256(content).hexdigest() == found.cohort.map
    piece = cohorting.get(ANALYST, f"/cohorts/{entry.id}/payload/care/0").content
    tables = open_payload(AGREEMENT, "care", found.payloads["care"], [piece], ANALYST)
    assert tables == sorted_tables(sealed.tables)

    records = parse_map(content, "it").records.to_pandas()
    together = records.groupby("pseudonym")["agency"].count()
    (ann,) = (name.hex() for name in together[together == 3].index)
    body = canonical_json({"clusters": [ann], "cohort": entry.id})
    evidence = cohorting.callers[ANALYST].post(f"{BASE}/evidence", body)
    assert evidence.status_code == 200
    assert ann.encode() not in evidence.content


def test_a_data_protection_officer_sees_who_has_pulled_what_and_why(cohorting: Cohorting):
    cohorting.send(CARE, cohorting.world.sealed(CARE))
    entry = cohorting.pull()
    for own in (ANALYST, OFFICER):
        assert cohorting.get(own, "/cohorts", CohortList).cohorts == (entry,)
    for path in ("", "/map", "/payload/care/0"):
        assert problem(cohorting.get(OFFICER, f"/cohorts/{entry.id}{path}")) == (403, "refused")


def test_callers_hear_why_in_problems(cohorting: Cohorting):
    sealed = cohorting.world.sealed(CARE)
    care, analyst = cohorting.callers[CARE], cohorting.callers[ANALYST]
    asked = cohort_request(ANALYST, cohorting.matcher.clock.seconds - 1000)
    other = cohort_request(ANALYST, cohorting.matcher.clock.seconds, purpose="curiosity")
    for answer, expected in (
        (cohorting.get(CARE, "/rounds/1/payload/analyst"), (404, "missing")),
        (care.put(f"{PAYLOAD}/pieces/1", sealed.pieces[0]), (422, "unverified")),
        (care.put(f"{PAYLOAD}/pieces/2000", sealed.pieces[0]), (422, "invalid")),
        (care.put(f"{PAYLOAD}/pieces/0", bytes(2 << 20)), (413, "too-large")),
        (cohorting.commit(CARE, sealed), (404, "missing")),
        (care.post(f"{PAYLOAD}/commit", b"{}"), (422, "unverified")),
        (analyst.post(f"{BASE}/cohorts", asked), (422, "invalid")),
        (analyst.post(f"{BASE}/cohorts", other), (403, "refused")),
        (analyst.get(f"{BASE}/cohorts/{'0' * 32}"), (404, "missing")),
        (analyst.get(f"{BASE}/cohorts/x"), (422, "invalid")),
    ):
        assert problem(answer) == expected
    cohorting.send(CARE, sealed)
    again = care.put(f"{PAYLOAD}/pieces/0", cohorting.world.sealed(CARE).pieces[0])
    assert problem(again) == (409, "conflict")


@pytest.fixture
def worlds(tmp_path: Path, migrated_file: Path) -> Iterator[list[Cohorting]]:
    """Two matchers; in the second, care and health have sealed payload, and a cohort was pulled."""
    with ExitStack() as stack:
        found = []
        for name in ("without", "with"):
            shutil.copyfile(migrated_file, tmp_path / f"{name}.sqlite")
            database = open_database(f"sqlite:///{tmp_path / name}.sqlite")
            stack.callback(database.close)
            found.append(Cohorting(stack.enter_context(running(database))))
        for own in (CARE, HEALTH):
            found[1].send(own, found[1].world.sealed(own, events=2000))
        found[1].pull()
        yield found


def seen(answer) -> tuple[int, bytes]:
    return answer.status_code, answer.content


def test_no_agency_can_tell_from_its_answers_whether_others_have_sent_payload(
    worlds: list[Cohorting],
):
    """But for the log, which says that they have, and how many pieces, as it does of uploads."""
    sealed = worlds[0].world.sealed(POLICE)
    paths = ("/rounds/1/payload/analyst", "/rounds/1/payload/hub", "/rounds/1/upload", "/runs",
             "/cohorts", "/disclosures", "/rounds")  # fmt: skip

    def ask() -> None:
        for path in paths:
            assert len({seen(own.get(POLICE, path)) for own in worlds}) == 1, path

    ask()
    first, second = (own.callers[POLICE].put(f"{PAYLOAD}/pieces/0", sealed.pieces[0])
                     for own in worlds)  # fmt: skip
    assert seen(first) == seen(second)
    ask()
    for own in worlds:
        body = own.commit(POLICE, sealed).content
        verified = verify_payload_receipt(body, "it", AGREEMENT, "police", LOG.verifier)
        assert verified.event.counts == {"pieces": 1, "round": 1}
    ask()


def test_the_worlds_do_differ(worlds: list[Cohorting]):
    assert len({seen(own.get(ANALYST, "/cohorts")) for own in worlds}) == 2
