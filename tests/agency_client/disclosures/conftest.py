from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from agency_client.cli.matcher_options import Desk
from agency_client.disclosures import office
from tests.agency_client.disclosures.scene import EVERYBODY, Scene


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Everybody at work; commands, too, use the scene's keys, clock and matcher."""
    found = Scene(tmp_path)

    def client(**_: object) -> httpx2.Client:
        return real(transport=httpx2.MockTransport(found.matcher.answer))

    real = httpx2.Client
    monkeypatch.setattr("agency_client.matcher_api.connection.httpx2.Client", client)
    monkeypatch.setattr(Desk, "opened", lambda desk: found.store(EVERYBODY[desk.keystore.name]))
    monkeypatch.setattr(office, "utc_now", found.now)
    yield found
    found.close()
