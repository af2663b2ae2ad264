"""Events about an agreement: what a party has written may be refused, a fault of ours is one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from linkage.errors import InputError
from matcher.ledger.about import event_about
from tests.linkage.protocol.agreements import AGREEMENT

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("words", ["Born 01/02/2011.", "Two\nlines.", "Lives at NE1 4AB."])
def test_a_reason_that_names_somebody_is_refused_and_not_repeated(words: str):
    with pytest.raises(InputError, match="names nobody") as caught:
        event_about(AGREEMENT, "lookup.lodged", "police", NOW, justification=words)
    assert words not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("kind", "justification"), [("no.such", "A reason"), ("lookup.lodged", "")]
)
def test_what_no_party_has_written_is_not_put_down_to_it(kind: str, justification: str):
    with pytest.raises(ValidationError):
        event_about(AGREEMENT, kind, "police", NOW, justification=justification)
