"""``agency-client console`` against a matcher that really runs."""

from __future__ import annotations

import json
import stat
import webbrowser
from urllib.request import url2pathname

import pytest

from tests.agency_client.parties import ROLES
from tests.agency_client.test_live_matcher import Live, live, unsigned
from tests.matcher.console.visiting import OWN

__all__ = ["live", "unsigned"]
OFFICER = next(name for name, role in ROLES.items() if role == "dpo")


def test_a_printed_link_signs_in_once(live: Live):
    said, _ = live.run(OFFICER, "console", "--agreement", live.file(OFFICER), "--print")
    link = said.strip()
    assert f"Sign in as {OFFICER}" in live.matcher.http.get(link).text
    answer = live.matcher.http.post(link, headers=OWN)
    assert answer.status_code == 303
    assert (
        "Oversight by the data protection officer"
        in live.matcher.http.get(f"{live.matcher.url}/console/log").text
    )
    assert live.matcher.http.post(link, headers=OWN).status_code == 401


def test_a_reason_is_said_in_the_log(live: Live):
    said, _ = live.run(
        "police", "console", "--agreement", live.file("police"), "--print",
        "--reason", "A complaint", "--format", "json",
    )  # fmt: skip
    link = json.loads(said)["link"]
    assert "A complaint" in live.matcher.http.get(link).text


def test_the_browser_gets_a_file_that_only_its_user_reads(live: Live, monkeypatch):
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    _, told = live.run(OFFICER, "console", "--agreement", live.file(OFFICER))
    assert "the console opens in your browser" in told
    (address,) = opened
    file = live.office.folder / OFFICER / "console-link.html"
    assert url2pathname(address.removeprefix("file://")) == str(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert f"url={live.matcher.url}/console/enter/" in file.read_text()
    assert "/console/enter/" not in told


def test_without_a_browser_the_link_can_be_printed(live: Live, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    _, told = live.run(OFFICER, "console", "--agreement", live.file(OFFICER), code=1)
    assert "use --print" in told


@pytest.mark.parametrize("reason", ["Born 14/03/2011", "care@example", ""])
def test_a_reason_that_names_somebody_signs_nothing(live: Live, reason: str):
    file = live.file(OFFICER)
    _, told = live.run(
        OFFICER, "console", "--agreement", file, "--print", "--reason", reason, code=1
    )
    assert "can't be entered into the log" in told
