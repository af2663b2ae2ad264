"""Where the two quarters are played: a folder for every party, and one for the matcher.

::

    DIR/files/2025Q1/        what agencies' own systems hold, and the truth
    DIR/police/ ...          desks: keys, and a folder for each quarter with the agreement in it
    DIR/matcher/             what the matcher holds
    DIR/report/              the report
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from examples.offices import AGREEMENT, Desk, Operator, free_port
from examples.safeguarding.agencies import SIX_AGENCIES
from examples.safeguarding.quarters.periods import Quarter
from examples.showing import run_command, say_note

AGENCIES = tuple(agency.name for agency in SIX_AGENCIES)
ANALYST, RECIPIENT, OFFICER = "analyst", "hub", "officer"
OTHERS = {ANALYST: "analyst", RECIPIENT: "recipient", OFFICER: "dpo"}
MATCHER = "linker"
AGREEMENT_ID = "safeguarding-quarters"
LOG_NAME = "quarters.example/log"
COLUMNS = Path(__file__).parents[1] / "columns"


@dataclass(frozen=True)
class Stage:
    """Everybody at their desks; ``workers`` of them work at once."""

    folder: Path
    desks: Mapping[str, Desk]
    operator: Operator
    workers: int

    @property
    def files(self) -> Path:
        """Where the files of agencies' own systems lie."""
        return self.folder / "files"

    def place(self, party: str, quarter: Quarter) -> Path:
        """Return the folder of a party's work in a quarter."""
        return self.desks[party].folder / quarter.name

    def agreement(self, party: str, quarter: Quarter) -> Path:
        """Return a party's copy of the agreement that holds in a quarter."""
        return self.place(party, quarter) / AGREEMENT

    def act(
        self, party: str, quarter: Quarter, *words: str | Path, shown: bool | None = None,
        lines: int | None = None, keys: bool = True,
    ) -> str:  # fmt: skip
        """Run a command of a party's under a quarter's agreement."""
        desk = self.desks[party]
        desk = desk if shown is None else replace(desk, shown=shown)
        agreement = ("--agreement", self.agreement(party, quarter))
        return desk.client(*words, *agreement, lines=lines, keys=keys)

    def ask(self, party: str, quarter: Quarter, *words: str | Path, keys: bool = True) -> Any:
        """Run a command for its JSON alone."""
        said = self.act(party, quarter, *words, "--format", "json", shown=False, keys=keys)
        return json.loads(said)

    def each(self, parties: Iterable[str], work: Callable[[str], object]) -> None:
        """Let parties work, several at once; the first failure of any is raised."""
        with ThreadPoolExecutor(self.workers) as pool:
            list(pool.map(work, parties))


def set_stage(folder: Path, workers: int) -> Stage:
    """Set up a matcher, and give every party a desk and keys."""
    say_note("The operator sets up a matcher: a folder, SQLite, and the key of its log.")
    operator = Operator(folder / "matcher", free_port())
    log_key = operator.set_up(LOG_NAME)
    roles = {**dict.fromkeys(AGENCIES, "agency"), **OTHERS}
    desks = {name: Desk(name, role, folder / name, forked=True) for name, role in roles.items()}
    stage = Stage(folder, desks, operator, workers)
    say_note("Six agencies, an analyst, a hub that receives, and an officer make their keys.")
    where = ("--matcher", operator.url, "--log-key", log_key)
    stage.each(desks, lambda name: desks[name].move_in(where))
    return stage


def show_matcher(*words: str | Path, shown: bool = True) -> str:
    """Run a command of the operator's."""
    return run_command("matcher", *words, shown=shown)
