"""No membership oracle: two matchers that differ only in whether care holds ann's record, too.

In one, the records that the police, health and care hold of ann are one cluster; in the other,
care's record is somebody else's. Every agency asks for everything that it may, at every stage of
proposals about another cluster, and meets the same in both: statuses, headers, sizes, lists, the
events of the log, and the work that the matcher does for the answer, on which its time depends.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from linkage.protocol.canonical import canonical_json
from linkage.protocol.disclosure.messages import (
    Approval,
    Opening,
    Recall,
    Refusal,
    Release,
    sign_message,
)
from linkage.protocol.disclosure.protection import ProtectedRecords, sign_protected
from linkage.protocol.disclosure.release import sealing_context
from linkage.protocol.keys import Identity
from linkage.protocol.sealing import seal
from tests.databases import open_database
from tests.linkage.protocol.agreements import AGREEMENT, ANALYST, HUB
from tests.linkage.protocol.parties import CARE, HEALTH, POLICE
from tests.matcher.api.serving import running
from tests.matcher.api.test_disclosure_routes import BASE, Asking
from tests.matcher.disclosures.worlds import token
from tests.matcher.work import watched

ALL = {"police": 1, "care": 1, "health": 1}
ANN = {"police": ["ann police"], "health": ["ann health"]}
KNOWN = {"bob": ALL, "eve": ALL, "ann": {**ANN, "care": ["ann care"]}}
UNKNOWN = {"bob": ALL, "eve": ALL, "ann": ANN, "somebody": {"care": ["ann care"]}}
HINTS = [
    ("police", "bob police 0", "police", "ann police"),
    ("care", "bob care 0", "care", "ann care"),
]
AGENCIES = (POLICE, CARE, HEALTH)
STILL = (
    "", "/signatures", "/rounds", "/rounds/1", "/rounds/1/upload", "/secret/commitment",
    "/secret/envelope", "/clusters",
)  # fmt: skip
"""What no disclosure changes."""
_MADE = re.compile(r"[0-9a-f]{16,}|[A-Za-z0-9+/=]{40,}")


@pytest.fixture
def worlds(tmp_path: Path, migrated_file: Path) -> Iterator[list[Asking]]:
    with worlds_of(tmp_path, migrated_file, KNOWN, UNKNOWN) as found, ExitStack() as stack:
        for asking in found:
            services = asking.matcher.services
            asking.work = stack.enter_context(watched(services.database, services.objects))
        yield found


@contextmanager
def worlds_of(folder: Path, migrated: Path, *worlds: Any) -> Iterator[list[Asking]]:
    """Run a matcher for each world, on which people are known to whom."""
    with ExitStack() as stack:
        found = []
        for number, people in enumerate(worlds):
            shutil.copyfile(migrated, folder / f"{number}.sqlite")
            database = open_database(f"sqlite:///{folder / str(number)}.sqlite")
            stack.callback(database.close)
            often = {"requests_per_second": 10_000, "burst": 10_000}
            asking = Asking(stack.enter_context(running(database, **often)))
            asking.world.run(people, hints=HINTS)
            found.append(asking)
        yield found


def shape(value: Any) -> Any:
    """Return what an answer says, with identifiers, digests and signatures by their length."""
    if isinstance(value, dict):
        return [(shape(name), shape(own)) for name, own in value.items()]
    if isinstance(value, list):
        return [shape(own) for own in value]
    if isinstance(value, str):
        return _MADE.sub(lambda found: f"<{len(found[0])}>", value)
    return value


def seen(answer: Any) -> tuple[Any, ...]:
    """Return what a caller sees of an answer, but for what no two answers share."""
    headers = {name: len(text) for name, text in answer.headers.items() if name != "date"}
    try:
        said = shape(json.loads(answer.content))
    except ValueError:
        said = shape(answer.content.decode("latin-1"))
    return answer.status_code, headers, len(answer.content), said


def asked_by(asking: Asking, own: Identity, disclosures: list[str]) -> list[tuple[Any, ...]]:
    """Ask for all that an agency may ask for, and return what it sees."""
    found = []

    def note(method: str, path: str, body: bytes | None = None) -> None:
        caller = asking.callers[own]
        asking.work.taken()
        answer = caller.send(caller.signed(method, BASE + path, body))
        found.append((method, shape(path), *seen(answer), asking.work.taken()))

    run = next(iter(asking.world.names))
    for path in ("/runs", f"/runs/{run}/result", "/disclosures", *(() if disclosures else STILL)):
        note("GET", path)
    marks = ProtectedRecords(AGREEMENT.digest(), 1, asking.now, tuple(sorted(
        token(f"ann {name}") for name in ("police", "care", "health")
    )))  # fmt: skip
    nothing = ProtectedRecords(AGREEMENT.digest(), 1, asking.now + 1, ())
    note("PUT", "/protected", sign_protected(marks, own))
    note("PUT", "/protected", sign_protected(nothing, own))
    for names in (asking.world.pseudonyms("bob"), ("0" * 32,)):
        note("POST", "/evidence", canonical_json({"clusters": list(names)}))
    for id_ in disclosures:
        _ask_about(asking, own, id_, note)
    log = asking.callers[own].get("/v1/log/bundle")
    return [*found, seen(log)]


def _ask_about(asking: Asking, own: Identity, id_: str, note: Any) -> None:
    path = f"/disclosures/{id_}"
    note("GET", path)
    note("GET", path + "/holdings")
    for party in ("police", "care"):
        note("GET", f"{path}/sealed/{party}")
    case = asking.world.case(id_)
    note("PUT", path + "/sealed/hub", seal(HUB.public, sealing_context(case), b"{}", own))
    later = asking.now + 1
    for message in (
        Release(id_, later, {"hub": "c" * 64}, 1),
        Opening(id_, later, {"police": "c" * 64}),
        Approval("0" * 64, later),
    ):
        note("POST", path + "/messages", sign_message(message, own))


def both(worlds: list[Asking], do: Any) -> list[Any]:
    return [do(asking) for asking in worlds]


def require_alike(
    worlds: list[Asking], disclosures: list[list[str]], agencies: Sequence[Identity] = AGENCIES
) -> None:
    for own in agencies:
        known, unknown = (
            asked_by(asking, own, ids) for asking, ids in zip(worlds, disclosures, strict=True)
        )
        for one, other in zip(known, unknown, strict=True):
            assert one == other, (own.name, one[:2])


def test_an_agency_cannot_tell_the_worlds_apart(worlds: list[Asking]):
    require_alike(worlds, [[], []])
    by_analyst = both(worlds, lambda asking: asking.propose("bob"))
    by_police = both(worlds, lambda asking: asking.propose("bob", "eve", own=POLICE))
    ids = [list(own) for own in zip(by_analyst, by_police, strict=True)]
    for asking, own in zip(worlds, ids, strict=True):
        asking.approve(own[0], POLICE)
    require_alike(worlds, ids)
    for asking, own in zip(worlds, ids, strict=True):
        asking.approve(own[0], HEALTH)
        asking.release(own[0], CARE)
        asking.move(CARE, own[1], Refusal(own[1], asking.now, "Not necessary."))
    require_alike(worlds, ids, (POLICE, CARE))
    for asking, own in zip(worlds, ids, strict=True):
        (bob,) = asking.world.pseudonyms("bob")
        asking.move(HEALTH, own[0], Recall(own[0], asking.now, "Wrong.", {bob: ()}))
        asking.matcher.clock.forward(days=14)
    require_alike(worlds, ids, (POLICE,))


@pytest.mark.parametrize("planted", ["a statement", "a file", "rows"])
def test_work_that_only_one_world_makes_is_found(worlds: list[Asking], planted: str):
    """A matcher that looks further where another agency holds the record is found out by that."""
    for asking in worlds:
        _plant(asking, planted, is_held=asking is worlds[0])
    with pytest.raises(AssertionError):
        require_alike(worlds, [[], []], (POLICE,))


def _plant(asking: Asking, planted: str, *, is_held: bool) -> None:
    services = asking.matcher.services
    listed = services.disclosures.all

    def longer(agreement: Any, party: str) -> Any:
        if planted == "a file" and is_held:
            services.objects.get(next(iter(services.objects.list("runs"))))
        if planted == "a statement" and is_held:
            _count(services.database, 1)
        if planted == "rows":
            _count(services.database, 2 if is_held else 1)
        return listed(agreement, party)

    services.disclosures.all = longer


def _count(database: Any, most: int) -> None:
    """Look at so many events of the log."""
    with database.reading() as connection:
        query = text("SELECT count(event) FROM log_events WHERE leaf < :most")
        connection.execute(query, {"most": most})


def test_the_worlds_do_differ_and_whoever_may_know_sees_it(worlds: list[Asking]):
    known, unknown = (seen(asking.get(ANALYST, "/clusters")) for asking in worlds)
    assert known != unknown
    ann = both(worlds, lambda asking: asking.post(ANALYST, "/evidence", canonical_json(
        {"clusters": list(asking.world.pseudonyms("ann"))}
    )))  # fmt: skip
    assert seen(ann[0]) != seen(ann[1])
