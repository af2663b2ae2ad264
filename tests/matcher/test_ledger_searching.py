"""Finding events: page by page, it is what reading all of them would give."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from linkage.audit.events import AgreementReference, Event
from linkage.errors import InputError
from matcher.ledger.ledger import Ledger
from matcher.ledger.searching import PAGE, Cursor, EventSearch, Wanted, parse_cursor
from matcher.store.database import Database
from matcher.store.migrating import _config
from matcher.store.tables import log_index, log_sorts
from tests.linkage.audit.made_up import AGREEMENT, BEGIN, LOG, event

KINDS = ("disclosure.approved", "disclosure.refused", "results.read", "upload.committed")
OTHER = AgreementReference(digest=AGREEMENT.digest, id="south-west", version=1)
SIZE = 237


def made(number: int) -> Event:
    """Return an event with times that run back now and then, of one agreement or another."""
    return event(
        number,
        KINDS[number * 7 % 4],
        at=BEGIN + timedelta(minutes=number - 5 * (number % 11 == 3)),
        agreement=OTHER if number % 5 == 0 else AGREEMENT,
        purpose=("safeguarding", "audit")[number % 3 == 0],
    )


@pytest.fixture
def search(database: Database) -> EventSearch:
    ledger, number = Ledger(database, LOG), 0
    while number < SIZE:
        with ledger.recording() as recording:
            for _ in range(min(1 + number % 60, SIZE - number)):
                recording.append(made(number))
                number += 1
    return EventSearch(database)


def expected(wanted: Wanted) -> list[int]:
    """Return the leaves that are wanted, found the slow way."""
    found = []
    for leaf in range(SIZE):
        own = made(leaf)
        at = int(own.at.timestamp())
        said = {"agreement": own.agreement.id, "kind": own.kind, "verb": own.verb,
                "party": own.party, "purpose": own.purpose}  # fmt: skip
        if any(getattr(wanted, name) not in (None, value) for name, value in said.items()):
            continue
        if (wanted.since or 0) <= at and (wanted.until is None or at < wanted.until):
            found.append((at, leaf))
    return [leaf for _, leaf in sorted(found, reverse=True)]


def read_forward(search: EventSearch, wanted: Wanted) -> list[list[int]]:
    pages, before = [], None
    while True:
        page = search.page(wanted, before)
        assert page.total is None or page.total == len(expected(wanted))
        assert [made(one.leaf) for one in page.events] == [one.event for one in page.events]
        pages.append([one.leaf for one in page.events])
        if page.older is None:
            return pages
        before = page.older


WANTED = [
    Wanted(),
    Wanted(agreement="north-east"),
    Wanted(verb="decision"),
    Wanted(agreement="north-east", party="care", purpose="audit"),
    Wanted(kind="results.read", since=int(BEGIN.timestamp()) + 1800),
    Wanted(since=int(BEGIN.timestamp()) + 600, until=int(BEGIN.timestamp()) + 7200),
    Wanted(party="nobody"),
]


@pytest.mark.parametrize("wanted", WANTED)
def test_pages_are_what_reading_all_would_give(search: EventSearch, wanted: Wanted):
    pages = read_forward(search, wanted)
    assert [leaf for page in pages for leaf in page] == expected(wanted)
    assert all(len(page) == PAGE for page in pages[:-1])


@pytest.mark.parametrize("wanted", WANTED[:3])
def test_the_way_back_shows_the_same_pages(search: EventSearch, wanted: Wanted):
    pages = read_forward(search, wanted)
    page = search.page(wanted)
    while page.older:
        page = search.page(wanted, page.older)
    back = [[one.leaf for one in page.events]]
    while page.newer:
        page = search.page(wanted, after=page.newer)
        back.append([one.leaf for one in page.events])
    flat = [leaf for own in reversed(back) for leaf in own]
    assert flat == [leaf for page in pages for leaf in page]


def test_what_can_be_chosen_is_what_occurs(search: EventSearch):
    choices = search.choices("south-west")
    assert choices.kinds == tuple(sorted(KINDS))
    assert choices.verbs == ("collection", "consultation", "decision")
    assert set(choices.parties) == {"police", "care", "health"}
    assert search.choices("nowhere").kinds == ()


@settings(max_examples=200)
@given(st.text(max_size=40))
def test_a_cursor_has_one_form(text: str):
    try:
        cursor = parse_cursor(text)
    except InputError:
        return
    assert str(cursor) == text


@given(st.integers(0, 10**15 - 1), st.integers(0, 10**15 - 1))
def test_a_cursor_survives_its_text(at: int, leaf: int):
    assert parse_cursor(str(Cursor(at, leaf))) == Cursor(at, leaf)


def test_a_log_from_before_is_found_by_the_index_that_the_migration_makes(database: Database):
    """What is filled in for old events is what is entered with new ones."""
    with Ledger(database, LOG).recording() as recording:
        for number in range(SIZE):
            recording.append(made(number))
    before = read_index(database)
    with database.writing() as connection:
        for table in ("log_index", "log_sorts", "log_verified", "console_sessions"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("DROP TABLE refused_requests")
        config = _config(connection)
        older = ScriptDirectory.from_config(config).get_revision("0007").down_revision
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{older}'")
        command.upgrade(config, "0007")
    assert read_index(database) == before


def read_index(database: Database) -> list[str]:
    of = log_index.c
    query = (
        select(of.leaf, of.at, *log_sorts.c)
        .join(log_sorts, log_sorts.c.id == of.sort)
        .order_by(of.leaf)
    )
    with database.reading() as connection:
        return [json.dumps(list(row)) for row in connection.execute(query)]


def test_an_event_and_its_place_in_the_index_are_one_change(database: Database):
    ledger = Ledger(database, LOG)

    def fail() -> None:
        with ledger.recording() as recording:
            recording.append(made(0))
            recording.seal()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with database.writing() as connection:
        assert connection.execute(delete(log_index)).rowcount == 0
        assert connection.execute(delete(log_sorts)).rowcount == 0
