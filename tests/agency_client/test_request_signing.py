"""The client's signatures are those of the specification, byte for byte."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agency_client.matcher_api.signing import Draft, signed_headers
from tests.linkage.protocol.parties import POLICE
from tests.matcher.api.signing import Request

CREATED, NONCE = 1772442000, "0123456789abcdef" * 2
URL = "https://matcher.example/v1/agreements/x"
SPEC = Path("linkage/protocol/SPEC.md").read_text(encoding="utf-8")


def headers(method: str, url: str, body: bytes | None) -> dict[str, str]:
    draft = Draft(method, url, body, 12)
    return signed_headers(draft, POLICE.signing_key, datetime.fromtimestamp(CREATED, UTC), NONCE)


def test_the_example_of_the_specification():
    found = headers("PUT", URL, b"{}")
    assert "\n".join(f"{name}: {value}" for name, value in found.items()) in SPEC


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [("GET", URL, None), ("POST", f"{URL}?a=1&b=%20", b""), ("DELETE", f"{URL}/", None)],
)
def test_the_library_signs_as_the_rfc_says(method: str, url: str, body: bytes | None):
    """Held against the signatures that the tests make by hand."""
    request = Request(method, url, CREATED, body, 12, NONCE).signed_by(POLICE)
    found = {name.lower(): value for name, value in headers(method, url, body).items()}
    assert found == request.headers
