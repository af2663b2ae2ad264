"""What makes ten thousand histories of the same signed messages quick."""

from __future__ import annotations

from functools import cache

import pytest

from linkage.protocol.keys import VerifyingKey


@pytest.fixture
def remembered_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verify each signature for good: whether it fits depends on nothing else."""
    monkeypatch.setattr(VerifyingKey, "verify", cache(VerifyingKey.verify))
