"""The pages on PostgreSQL: every one of them, for every role, and what is searched and counted."""

from __future__ import annotations

import pytest

from matcher.store.database import Database
from tests.matcher.console.conftest import used_on
from tests.matcher.console.test_pages import TABLE, everybody, link_of, met

SEARCHES = (
    "/log?verb=disclosure&party=care",
    "/log?since=2026-03-02&until=2026-03-02&kind=upload.committed",
    "/log?purpose=safeguarding&before=1772442000-5",
    "/log?party=police&after=1772442000-1",
    "/disclosures?state=open",
    "/retention?page=2",
    "/runs/{run}/links?agency=care&and_agency=police&order=weakest",
)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_every_page_is_there_on_postgresql_as_well(database: Database, tmp_path):
    with used_on(database, tmp_path) as world:
        visitors = everybody(world)
        assert met(world, visitors) == TABLE.read_text(encoding="utf-8")
        run, _ = link_of(world)
        for address in SEARCHES:
            answer = visitors["dpo"].get(address.format(run=run))
            assert answer.status_code == 200, (address, answer.text)
