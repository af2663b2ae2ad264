"""The matcher answers as its OpenAPI says, whatever it is asked and whoever asks.

Requests are made from the OpenAPI (schemathesis), such that fit it and such that don't; every one
is sent by a party of each role and by a stranger. For longer runs than the suite's::

    CONCORD_OPENAPI_EXAMPLES=300 python -m pytest -s tests/matcher/api/test_openapi.py
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case

from linkage.protocol.canonical import canonical_json
from linkage.protocol.keys import Identity
from linkage.protocol.problems import parse_problem
from matcher.app.building import all_routes
from matcher.config.creation import create_matcher
from tests.databases import open_database
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.parties import POLICE
from tests.matcher.api.described import CALLERS, STRANGER, Described
from tests.matcher.api.prepared import DIGEST, prepared
from tests.matcher.api.serving import running
from tests.matcher.api.test_access import FILLED
from tests.matcher.api.test_monitoring_routes import monitoring

FEW = 3
EXAMPLES = int(os.environ.get("CONCORD_OPENAPI_EXAMPLES", FEW))
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "FETCH")
SIGNING = ("Signature", "Signature-Input", "Content-Digest", "Concord-Pinned")
HEALTH = "health_healthz_get"
HOW = ("as made", "that fits", "changed")
HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=126)).map(str.strip)
NOTHING_TO_GIVE = ("list_agreements", "read_bundle", "read_checkpoint")
# What ends something comes last, so that the others have something to be asked about.
ENDING = ("abandon_upload", "cancel_run", "commit_upload")


def declared() -> list[str]:
    """Return the names of all operations, found without a matcher."""
    routes = [route for one in all_routes(Mock()) for route in one.router.routes]
    return sorted((route.operation_id for route in routes), key=lambda name: name in ENDING)


OPERATIONS = declared()


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Described]:
    folder = tmp_path_factory.mktemp("described")
    shutil.copyfile(migrated_file, folder / "matcher.sqlite")
    database = open_database(f"sqlite:///{folder / 'matcher.sqlite'}")
    create_matcher(folder / "service", LOG)
    watched = monitoring(folder / "service", database)
    often = {"requests_per_second": 10_000, "burst": 10_000}
    with running(database, monitoring=watched, **often) as matcher:
        found = Described(prepared(matcher, folder / "runs"))
        yield found
    database.close()
    if EXAMPLES > FEW:
        print(f"\n{found.answered.total():,} requests:")
        for (operation, status), count in sorted(found.answered.items()):
            print(f"{operation:72} {status} {count:7,}")


def each(test: Callable[[st.DataObject], None], examples: int = EXAMPLES) -> None:
    """Run a test with so many examples, the same ones in every run of the suite."""
    phases = (Phase.generate, Phase.shrink) if examples > FEW else (Phase.generate,)
    chosen = settings(
        max_examples=examples,
        derandomize=examples <= FEW,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    chosen(given(st.data())(test))()


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in NOTHING_TO_GIVE])
def test_what_does_not_fit_is_refused(described: Described, name: str):
    def ask(data: st.DataObject) -> None:
        case = data.draw(described.not_fitting(name))
        for own in (*CALLERS, STRANGER):
            described.ask(case, own)

    each(ask)


@pytest.mark.parametrize("name", OPERATIONS)
def test_nobody_is_heard_unsigned(described: Described, name: str):
    operation = described.operations[name]

    def ask(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy())
        headers = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(SIGNING, HEADER)))
        assert described.ask_unsigned(case, headers) == 401

    each(ask)


@pytest.mark.parametrize("name", [*OPERATIONS, HEALTH])
def test_other_methods_are_refused_and_told_which_there_are(described: Described, name: str):
    path, url = described.operations[name].path, described.world.matcher.url
    known = {method.upper() for method in described.world.matcher.described["paths"][path]}
    filled = path.format(digest=DIGEST, **FILLED)
    for method in (method for method in METHODS if method not in known):
        answer = httpx2.request(method, url + filled)
        assert answer.status_code == 405
        assert {one.strip() for one in answer.headers["allow"].split(",")} == known
        if method != "HEAD":
            assert parse_problem(answer.content, "the answer")[0].name == "method"


@pytest.mark.parametrize("name", [*OPERATIONS, HEALTH])
def test_what_fits_is_refused_only_for_a_reason(described: Described, name: str):
    def ask(data: st.DataObject) -> None:
        case, how = data.draw(described.fitting(name)), data.draw(st.sampled_from(HOW))
        for own in (*CALLERS, STRANGER):
            described.ask(case, own, body_of(described, case, how, own, data))

    each(ask)


@pytest.mark.parametrize("name", [*OPERATIONS, HEALTH])
def test_everything_can_be_done_by_somebody(described: Described, name: str):
    def ask(data: st.DataObject) -> None:
        case = data.draw(described.to_be_done(name))
        statuses = [
            described.ask(case, own, body_of(described, case, "that fits", own, data))
            for own in CALLERS
        ]
        assert min(statuses) < 300

    each(ask, examples=1)


def test_every_operation_is_asked(described: Described):
    assert set(described.operations) == {*OPERATIONS, HEALTH}


def body_of(
    described: Described, case: Case, how: str, own: Identity, data: st.DataObject
) -> bytes | None:
    """Return the body that a party sends; None where the case's own is, or there is none."""
    name = case.operation.definition.raw["operationId"]
    fits = described.world.body(name, POLICE if own is STRANGER else own)
    if fits is None:
        return None
    if how == "as made":
        return canonical_json(case.body) if isinstance(case.body, dict) else None
    if how == "that fits":
        return fits
    at = data.draw(st.integers(0, len(fits)))
    return fits[:at] + data.draw(st.binary(max_size=3)) + fits[at + data.draw(st.integers(0, 3)) :]
