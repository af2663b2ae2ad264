"""The vectors of following a log, for this implementation and for the second one."""

import json

import pytest

from linkage.audit.failures import LogError
from linkage.audit.keys import parse_verifier_key
from linkage.audit.trusted_log import TrustedLog
from tests.linkage.audit.follow_scenarios import EVENT, FOLLOW, event_scenarios, follow_scenarios
from tests.linkage.audit.reference import follow, included
from tests.linkage.audit.scenarios import as_file


def names(folder):
    return sorted(path.stem for path in folder.glob("*.json"))


def read(folder, name):
    case = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return case, [bytes.fromhex(hashed) for hashed in case["proof"]]


def outcome(job):
    try:
        job()
    except LogError as failed:
        return type(failed).__name__
    return "ok"


def trusted(case):
    pinned = case["pinned"] and case["pinned"].encode()
    return TrustedLog(parse_verifier_key(case["log_key"]), pinned)


@pytest.mark.parametrize("name", names(FOLLOW))
def test_checkpoints_that_are_offered(name):
    case, proof = read(FOLLOW, name)
    client = trusted(case)
    assert outcome(lambda: client.update(case["offered"].encode(), proof)) == case["expect"]
    assert follow(case["log_key"], case["pinned"], case["offered"], proof) == case["expect"]


@pytest.mark.parametrize("name", names(EVENT))
def test_events_that_are_offered(name):
    case, proof = read(EVENT, name)
    entry, index = case["event"].encode(), case["index"]
    found = outcome(lambda: trusted(case).verify_event(entry, index, proof))
    assert found == case["expect"]
    proved = included(case["pinned"], case["log_key"], entry, index, proof)
    assert proved == (case["expect"] != "ProofError")


@pytest.mark.parametrize(
    ("folder", "scenarios"), [(FOLLOW, follow_scenarios), (EVENT, event_scenarios)]
)
def test_the_vectors_are_those_of_the_scenarios(folder, scenarios):
    made = {name: as_file(scenario) for name, scenario in scenarios().items()}
    assert {path.stem: path.read_text(encoding="utf-8") for path in folder.iterdir()} == made
