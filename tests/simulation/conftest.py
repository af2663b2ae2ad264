"""What makes thousands of histories of the same signed messages quick."""

from __future__ import annotations

from contextlib import nullcontext
from functools import cache
from typing import Any

import pytest

from agency_client.disclosures import reading
from agency_client.keystore import seen
from agency_client.matcher_api import following
from agency_client.matcher_api.following import FollowedLog
from linkage import gaps
from linkage.audit import inclusion, verification
from linkage.audit.events import parse_event
from linkage.audit.keys import VerifierKey
from linkage.protocol import signing
from linkage.protocol.canonical import parse_message
from linkage.protocol.disclosure import messages
from linkage.protocol.keys import VerifyingKey


@pytest.fixture
def remembered_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verify each signature for good: whether it fits depends on nothing else."""
    monkeypatch.setattr(VerifyingKey, "verify", cache(VerifyingKey.verify))
    monkeypatch.setattr(VerifierKey, "verify", cache(VerifierKey.verify))


@pytest.fixture
def remembered_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parse each message and event for good: nobody changes what comes of it."""
    parsed: dict[Any, Any] = {}

    def parse(adapter: Any, content: bytes, source: str) -> Any:
        key = (id(adapter), content)
        if key not in parsed:
            parsed[key] = parse_message(adapter, content, source)
        return parsed[key]

    for module in (signing, messages):
        monkeypatch.setattr(module, "parse_message", parse)
    for other in (gaps, inclusion, verification):
        monkeypatch.setattr(other, "parse_event", cache(parse_event))


@pytest.fixture
def keystores_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep in memory what a keystore has of logs and disclosures; nobody dies here."""
    kept: dict[Any, Any] = {}

    def get(name: str) -> Any:
        return lambda store, *of: kept.get((name, store.folder, *of))

    def put(name: str) -> Any:
        return lambda store, *of: kept.update({(name, store.folder, *of[:-1]): of[-1]})

    def read_seen(store: Any, disclosure: str, _: Any) -> Any:
        return kept.get(("seen", store.folder, disclosure), ())

    def write_seen(store: Any, own: Any, _: Any) -> None:
        kept["seen", store.folder, own.disclosure] = own.messages

    monkeypatch.setattr(following, "witnessed", get("log"))
    monkeypatch.setattr(following, "remember_witnessed", put("log"))
    monkeypatch.setattr(FollowedLog, "_alone", lambda _: nullcontext())
    monkeypatch.setattr(reading, "verified_since", get("since"))
    monkeypatch.setattr(reading, "remember_since", put("since"))
    monkeypatch.setattr(seen, "_read", read_seen)
    monkeypatch.setattr(seen, "_write", write_seen)
