"""The disclosure of the most urgent children: proposed from a cohort, decided, released, opened."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from examples.safeguarding.quarters.analysing import Study
from examples.safeguarding.quarters.linking import own_map
from examples.safeguarding.quarters.periods import Quarter
from examples.safeguarding.quarters.stage import AGENCIES, ANALYST, COLUMNS, RECIPIENT, Stage
from examples.showing import say_note

RULE = "missing"
NAMED = 5
_LEAST_AGENCIES = 2
_SURE = 0.9
_WHY = "Children who go missing again and again, known to several agencies."
_NOT_NEEDED = "The family is supported already."
_COMMAND = "disclosures"


@dataclass(frozen=True)
class Disclosed:
    """A disclosure: its id, the pseudonyms proposed, and what the recipient opened."""

    id: str
    people: Sequence[str]
    opened: dict[str, Any]


def disclose(stage: Stage, study: Study) -> Disclosed:
    """Bring the most urgent children to the recipient by name, two agencies having approved."""
    quarter = study.quarter
    chosen = most_urgent(study)
    say_note("The analyst proposes those of most concern whose links are sure, by pseudonym.")
    digest = _propose(stage, quarter, study.folder, chosen)
    say_note("Two agencies approve, one refuses; each holder seals its own records' fields.")
    first, second, third = "police", "social_care", "health"
    stage.act(first, quarter, _COMMAND, "show", digest[:8], shown=True)
    stage.act(first, quarter, _COMMAND, "approve", digest[:8], "--yes", shown=True, lines=1)
    refuse = ("refuse", digest[:8], "--reason", _NOT_NEEDED, "--yes")
    stage.act(third, quarter, _COMMAND, *refuse, shown=True, lines=1)
    stage.act(second, quarter, _COMMAND, "approve", digest[:8], "--yes", shown=True, lines=1)
    shown = stage.ask(ANALYST, quarter, _COMMAND, "show", digest[:8])
    holders = [name for name in AGENCIES if name in _holders(study, chosen)]
    stage.each(holders, lambda name: _release(stage, quarter, name, digest))
    say_note("The recipient verifies all of it, and opens what the matcher could not.")
    out = stage.place(RECIPIENT, quarter) / "opened"
    stage.act(RECIPIENT, quarter, _COMMAND, "open", digest[:8], "--out", out, shown=True, lines=2)
    after = stage.ask(ANALYST, quarter, _COMMAND, "show", digest[:8])
    return Disclosed(str(shown["id"]), chosen, after)


def most_urgent(study: Study) -> list[str]:
    """Return the pseudonyms of the first few whom several agencies know, by links that are sure."""
    ranked: pd.DataFrame = study.most_urgent()
    fit = ranked[(ranked["agencies"] >= _LEAST_AGENCIES) & (ranked["probability"] >= _SURE)]
    return [str(person) for person in fit["person"].head(NAMED)]


def _propose(stage: Stage, quarter: Quarter, cohort: Path, people: Sequence[str]) -> str:
    table = cohort.with_name("urgent.csv")
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["person"], *([person] for person in people)])
    made = stage.ask(
        ANALYST, quarter, _COMMAND, "propose", "--cohort", cohort, "--people", table,
        "--rule", RULE, "--purpose", "missing-children", "--reference", f"MACE {quarter.name}",
        "--necessity", _WHY, "--yes",
    )  # fmt: skip
    return str(made["id"])


def _holders(study: Study, people: Sequence[str]) -> set[str]:
    """Return the agencies that know one of the people, as the analyst sees it."""
    memberships = study.cohort.memberships
    return set(memberships[memberships["person"].isin(people)]["agency"])


def _release(stage: Stage, quarter: Quarter, name: str, digest: str) -> None:
    stage.act(
        name, quarter, _COMMAND, "release", digest[:8],
        "--extract", stage.files / quarter.name / f"{name}.csv",
        "--map", own_map(stage, quarter, name), "--columns", COLUMNS / f"{name}.toml", "--yes",
    )  # fmt: skip
