"""The thread that notes nonces outlives whoever has asked it to."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Event

import pytest

from linkage.protocol.requests import ReplayedError
from matcher.store.database import Database
from matcher.store.nonces import NonceKeeper, _Wanted


def test_who_has_gone_away_is_passed_over(database: Database, monkeypatch: pytest.MonkeyPatch):
    whole, begun, go_on = NonceKeeper._write, Event(), Event()

    def late(self: NonceKeeper, batch):
        begun.set()
        assert go_on.wait(30)
        return whole(self, batch)

    monkeypatch.setattr(NonceKeeper, "_write", late)
    keeper = NonceKeeper(database, lambda: datetime(2026, 3, 2, tzinfo=UTC))
    gone = keeper.spend("first", 2**40)
    assert begun.wait(30)
    assert gone.cancel()
    go_on.set()
    keeper.spend("second", 2**40).result(30)
    with pytest.raises(ReplayedError):
        keeper.spend("first", 2**40).result(30)  # it was noted all the same
    keeper.close()


def test_of_two_alike_at_once_one_is_heard(database: Database):
    keeper = NonceKeeper(database, lambda: datetime(2026, 3, 2, tzinfo=UTC))
    first = keeper._write([_Wanted(value, 2**40) for value in ("a", "b", "a")])
    assert [type(outcome) for outcome in first] == [type(None), type(None), ReplayedError]
    then = keeper._write([_Wanted(value, 2**40) for value in ("a", "c")])
    assert [type(outcome) for outcome in then] == [ReplayedError, type(None)]
    keeper.close()
