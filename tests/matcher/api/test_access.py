"""Who may call what: every endpoint, for every role, in every state of the agreement.

The expected verdicts stand in access.txt, for people to read and to disagree with. Every cell is
asked over HTTP of a matcher that runs, with endpoints that only say that they were reached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import get_args

import pytest
from fastapi import Response

from linkage.protocol.keys import Identity
from linkage.protocol.problems import parse_problem
from linkage.protocol.sections.party import Role
from linkage.protocol.standing import State
from matcher.api.gate import Endpoint
from matcher.api.routes import PREFIX, Routes
from matcher.app.building import Services, all_routes
from matcher.store.database import Database
from tests.linkage.protocol.agreements import AGREEMENT, ROLES, parse, second
from tests.linkage.protocol.parties import identity
from tests.matcher.api.serving import Clock, Matcher, running

TABLE = Path(__file__).with_name("access.txt")
REACHED = 299
STATES = get_args(State)
# What stands in an address; the endpoints aren't run, so anything that fits will do.
FILLED = {
    "party": "police",
    "recipient": "care",
    "number": "1",
    "upload": "0" * 32,
    "lookup": "0" * 64,
    "run": "0" * 32,
    "proposal": "0" * 64,
    "cohort": "0" * 32,
    "piece": "0",
}
OF_ROLE: dict[Role, Identity] = {
    role: next(own for own, has in ROLES.items() if has == role) for role in get_args(Role)
}
STRANGER = identity("stranger", 151)


def reached(services: Services) -> list[Routes]:
    """Every endpoint as it is declared, with nothing behind it."""
    found = []
    for declared in all_routes(services):
        bare = Routes("bare")
        for one in declared.declared:
            bare._add(one.method, one.path, one.access, None, one.body)(_reached(one))
        found.append(bare)
    return found


def _reached(endpoint: Endpoint) -> Callable[[], Response]:
    def reach() -> Response:
        return Response(status_code=REACHED)

    reach.__name__ = f"{endpoint.method} {endpoint.path}"
    return reach


@pytest.fixture(scope="module")
def matcher(tmp_path_factory) -> Iterator[Matcher]:
    from matcher.store.migrating import migrate
    from tests.databases import open_database

    database: Database = open_database(
        f"sqlite:///{tmp_path_factory.mktemp('access') / 'matcher.sqlite'}"
    )
    migrate(database)
    with running(
        database, Clock(), routes=reached, requests_per_second=10_000, burst=10_000
    ) as found:
        yield found
    database.close()


def endpoints(matcher: Matcher) -> Sequence[Endpoint]:
    return [one for routes in all_routes(matcher.services) for one in routes.declared]


def ask(matcher: Matcher, own, endpoint: Endpoint) -> str:
    """Return the verdict on a party's call: yes, or the problem's name."""
    path = PREFIX + endpoint.path.format(digest=AGREEMENT.digest(), **FILLED)
    body = b"{}" if endpoint.body else None
    caller = matcher.caller(own)
    answer = caller.send(caller.signed(endpoint.method, path, body))
    if answer.status_code == REACHED:
        return "yes"
    return parse_problem(answer.content, "it")[0].name


def put_into(matcher: Matcher, state: State) -> None:
    """Lead the agreement to a state; the order of `STATES` is one in which that can be done."""
    match state:
        case "unsigned":
            matcher.admit()
        case "not yet":
            matcher.sign_all()
            matcher.clock.now = matcher.clock.now.replace(year=2025)
        case "in force":
            matcher.clock.now = matcher.clock.now.replace(year=2026)
        case "ended":
            matcher.clock.now = matcher.clock.now.replace(year=2027)
        case "replaced":
            matcher.clock.now = matcher.clock.now.replace(year=2026)
            later = parse(second())
            matcher.admit(later)
            matcher.sign_all(later)
    assert matcher.services.catalogue.standing(AGREEMENT.digest()).state == state


def test_the_table_of_access_is_what_callers_meet(matcher: Matcher):
    verdicts: dict[tuple[str, Role], list[str]] = {}
    for state in STATES:
        put_into(matcher, state)
        for endpoint in endpoints(matcher):
            name = f"{endpoint.method} {endpoint.path}"
            for role, own in OF_ROLE.items():
                verdicts.setdefault((name, role), []).append(ask(matcher, own, endpoint))
    for endpoint in endpoints(matcher):
        assert ask(matcher, STRANGER, endpoint) == "unknown-key"
    assert _table(verdicts) == TABLE.read_text(encoding="utf-8")


def _table(verdicts: dict[tuple[str, Role], list[str]]) -> str:
    rows, last = [("endpoint", "role", *STATES)], None
    for (name, role), found in verdicts.items():
        rows.append((name if name != last else "", role, *found))
        last = name
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def test_every_role_has_a_row():
    assert set(get_args(Role)) == set(OF_ROLE)
    assert AGREEMENT.agreement.starts == date(2026, 1, 1)
