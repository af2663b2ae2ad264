"""The endpoints about runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter
from sqlalchemy import insert

from linkage.protocol.problems import parse_problem
from linkage.protocol.replies import parse_reply
from linkage.protocol.result import parse_result
from linkage.protocol.run_replies import RunEntry, RunList
from matcher.store.tables import rounds
from tests.linkage.protocol.agreements import AGREEMENT
from tests.linkage.protocol.parties import CARE, MATCHER, POLICE
from tests.matcher.api.serving import Matcher
from tests.matcher.runs.matchers import Matcher as Runner
from tests.matcher.runs.matchers import never
from tests.synthetic import make_world

_ENTRY, _LIST = TypeAdapter(RunEntry), TypeAdapter(RunList)


class Ready:
    """An agreement in force, with a committed upload of each agency and a run that waits."""

    def __init__(self, matcher: Matcher, folder: Path) -> None:
        self.matcher = matcher
        self.digest = matcher.admit()
        matcher.sign_all()
        self.runner = Runner(matcher.services.database, folder, matcher.clock)
        with matcher.services.database.writing() as connection:
            values = {"agreement": self.digest, "round": 1, "opened": 0}
            connection.execute(insert(rounds).values(**values))
        agencies = AGREEMENT.names("agency")
        for name, file in zip(agencies, world_of(len(agencies)), strict=True):
            self.runner.commit(self.digest, 1, renamed(file, name))
        self.run = matcher.services.runs.all(self.digest)[0].id
        self.path = f"/v1/agreements/{self.digest}/runs"

    def get(self, identity, path=""):
        return self.matcher.caller(identity).get(self.path + path)


def world_of(agencies: int):
    from linkage.encodings import GroupLayout

    scheme = AGREEMENT.scheme
    layout = tuple(GroupLayout(group.name, group.length) for group in scheme.group)
    world = make_world(3, agencies=agencies, people=120, digest=scheme.digest(), layout=layout)
    return world.files


def renamed(file, name):
    from dataclasses import replace

    return replace(file, header=replace(file.header, agency=name))


@pytest.fixture
def ready(matcher: Matcher, tmp_path: Path) -> Ready:
    return Ready(matcher, tmp_path / "matcher")


def entry(answer) -> RunEntry:
    assert answer.status_code == 200, answer.text
    return parse_reply(_ENTRY, answer.content, "it")


def problem(answer) -> str:
    return parse_problem(answer.content, "it")[0].name


def test_a_run_is_seen_by_its_parties_until_its_result_is_there(ready, monkeypatch):
    monkeypatch.setattr("matcher.runs.linking.render", lambda *_: "<html>")
    listed = parse_reply(_LIST, ready.get(POLICE).content, "it")
    assert [one.id for one in listed.runs] == [ready.run]
    waiting = entry(ready.get(CARE, f"/{ready.run}"))
    assert (waiting.state, waiting.stage, waiting.round, waiting.ended) == (
        "queued", "waiting", 1, 0
    )  # fmt: skip
    early = ready.get(CARE, f"/{ready.run}/result")
    assert (early.status_code, problem(early)) == (409, "not-ready")
    assert ready.runner.worker().run_next(never)
    assert entry(ready.get(MATCHER, f"/{ready.run}")).state == "finished"
    answer = ready.get(CARE, f"/{ready.run}/result")
    assert answer.status_code == 200
    assert len(answer.content) == 4096
    assert parse_result(answer.content, "it").run == ready.run
    assert ready.get(POLICE, f"/{ready.run}/result").content != answer.content


def test_only_the_operator_cancels_and_hears_why_a_run_failed(ready):
    refused = ready.matcher.caller(POLICE).post(f"{ready.path}/{ready.run}/cancel")
    assert refused.status_code == 403
    lease = ready.runner.take()
    ready.runner.carrying.fail(lease, "The disk was full.")
    assert entry(ready.get(POLICE, f"/{ready.run}")).reason == ""
    assert entry(ready.get(MATCHER, f"/{ready.run}")).reason == "The disk was full."
    late = ready.matcher.caller(MATCHER).post(f"{ready.path}/{ready.run}/cancel")
    assert (late.status_code, problem(late)) == (409, "conflict")


def test_a_run_that_waits_is_cancelled(ready):
    answer = ready.matcher.caller(MATCHER).post(f"{ready.path}/{ready.run}/cancel")
    assert entry(answer).state == "cancelled"
    gone = ready.get(CARE, f"/{ready.run}/result")
    assert (gone.status_code, problem(gone)) == (404, "missing")


def test_a_run_that_is_not_there_is_missing_whoever_asks(ready):
    for identity in (POLICE, MATCHER):
        answer = ready.get(identity, f"/{'0' * 32}")
        assert (answer.status_code, problem(answer)) == (404, "missing")
    assert ready.get(POLICE, "/not-an-id").status_code in {404, 422}
