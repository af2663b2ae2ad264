"""Visitors of the console on what the example has left, each signed in by their own command."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import httpx2

from examples.safeguarding.quarters.periods import SECOND
from examples.safeguarding.quarters.playing import Played
from examples.safeguarding.quarters.stage import ANALYST, OFFICER
from tests.end_to_end.quarters.acting import in_this_process
from tests.matcher.console.visiting import Visitor

ACCESS = Path("tests/matcher/console/access.txt")
WHO = {"dpo": OFFICER, "agency": "police", "analyst": ANALYST}
"""Who of the example looks, by the role that the table of access speaks of."""


@dataclass(frozen=True)
class Served:
    """The matcher of the example, serving again."""

    url: str
    http: httpx2.Client


def link_of(played: Played, party: str) -> str:
    """Return a link to the console that a party's own command has signed."""
    with in_this_process():
        said = played.stage.ask(party, SECOND, "console", "--print")
    return str(said["link"])


def visitor_of(played: Played, served: Served, party: str) -> Visitor:
    """Return a party's browser, signed in."""
    found = Visitor(served)
    answer = found.enter(link_of(played, party))
    assert answer.status_code == 303, answer.text
    return found


def allowed() -> dict[str, set[str]]:
    """Return every page, and by which of the roles here it is seen."""
    head, *rows = (line.split() for line in ACCESS.read_text(encoding="utf-8").splitlines())
    return {
        page: {role for role, says in zip(head[1:], verdicts, strict=True) if says == "yes"}
        for page, *verdicts in rows
    }


def addresses(played: Played, officer: Visitor) -> dict[str, str]:
    """Return what stands for each page's parameters, as the officer's pages name them."""
    run = _first(r'"/console/runs/([0-9a-f]+)"', officer.get("/runs").text)
    link = _first(rf'"/console/runs/{run}/links/([^"]+)"', officer.get(f"/runs/{run}/links").text)
    leaf = _first(r'"/console/log/events/([0-9]+)"', officer.get("/log").text)
    known = {"run": run, "link": link, "leaf": leaf, "disclosure": played.facts.disclosed.id}
    return {page: page.format(**known) for page in allowed()}


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, pattern
    return found[1]
