"""Step 3, data analysis: what the analyst asked, found, and did about linkage error."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from agency_client.cohort.analysis.knowing import Absence
from examples.safeguarding.quarters.analysing import MEASURE, MISSING
from examples.safeguarding.quarters.guild.facts import Facts
from examples.safeguarding.quarters.guild.figures import Outputs, plain
from examples.safeguarding.quarters.guild.items import Item, Table

_BY = "analyst"
_WITHHELD = "withheld: few children behind it"


def items(facts: Facts) -> Iterator[Item]:
    """Yield what is to be told of the analysis."""
    yield _handling(facts)
    yield _hidden(facts)
    yield _meetings(facts)
    yield _episodes(facts)
    yield _together(facts)
    yield _tables(facts)


def _handling(facts: Facts) -> Item:
    return Item(
        "How linkage error was carried into results",
        _BY,
        [
            "Every person has the probability that its records are one child's. Counts are "
            "expected values with 95% intervals over what else may be true: records wrongly linked "
            "are other people's, and matches that were missed are as many as the estimated recall "
            "of the pair of agencies says.",
            "Events told by several agencies of one child in one month count once, as many times "
            "as the agency tells that tells of most; so the least number that explains all.",
            f"All counts of people are rounded to {facts.outputs.base} and withheld below "
            f"{facts.outputs.least}; intervals are rounded outward.",
        ],
    )


def _hidden(facts: Facts) -> Item:
    study = facts.newest.study
    alone, unreported = study.known_to_charity_alone(), study.missing_unreported()
    rows = [
        ["known to the charity, to the police not", _told(alone, facts.outputs)],
        [
            f"missing as the charity tells, in no police report of {study.now}",
            _told(unreported, facts.outputs),
        ],
    ]
    return Item(
        "Children whom the charity knows and the police don't",
        _BY,
        [
            "Absence is where missed links do most harm: uncounted, they would make these counts "
            "too high."
        ],
        [Table("Children", ["who", "expected (95% interval)"], rows)],
    )


def _told(absence: Absence, outputs: Outputs) -> str:
    count = absence.count
    return outputs.with_interval(count.expected, count.low, count.high)


def _meetings(facts: Facts) -> Item:
    rows = _safe_overlap(facts.newest.study.meetings(), facts.outputs)
    return Item(
        "Children discussed at either meeting, and at both",
        _BY,
        ["MASE is on sexual exploitation, MACE on exploitation of every kind."],
        [Table("Children discussed", ["meeting", "expected (95% interval)"], rows)],
    )


def _safe_overlap(frame: pd.DataFrame, outputs: Outputs) -> list[list[str]]:
    """Tell the overlap; where a part of it is small, nothing that gives that part away."""
    own = {str(row["people"]): row for row in frame.to_dict("records")}
    small = any(own[name]["found"] < outputs.least for name in ("mase only", "mace only", "both"))
    names = ["mase", "mace"] if small else ["mase", "mace", "both", "either"]
    rows = [
        [
            name.upper() if name in {"mase", "mace"} else name,
            outputs.with_interval(own[name]["expected"], own[name]["low"], own[name]["high"]),
        ]
        for name in names
    ]
    return [*rows, ["both, and either", "withheld: a part of it is small"]] if small else rows


def _episodes(facts: Facts) -> Item:
    study, outputs = facts.newest.study, facts.outputs
    missing, measured = study.children_behind(MISSING), study.children_behind(MEASURE)
    quarters = (study.before, study.now)
    change = [
        [area, _direction(own, outputs, sum(missing.get((area, one), 0) for one in quarters))]
        for own in study.change().to_dict("records")
        for area in [str(own["area"])]
    ]
    per = [
        [*where, _rate(own, outputs, min(missing.get(where, 0), measured.get(where, 0)))]
        for own in study.measures().to_dict("records")
        for where in [(str(own["area"]), str(own["quarter"]))]
        if where[1] in quarters
    ]
    return Item(
        "Missing episodes and disruption measures, by borough and quarter",
        _BY,
        [
            "The borough is that of the place; episodes of which no place is known have none.",
            f"Nothing is told where fewer than {outputs.least} children are behind it. How many "
            "episodes there were stands in a table that was released, as far as it may be told.",
        ],
        [
            Table(
                f"Missing episodes in {study.now}, beside {study.before}", ["borough", "change"],
                change,
            ),
            Table(
                "Disruption measures per missing episode",
                ["borough", "quarter", "measures per episode"],
                per,
            ),
        ],
    )  # fmt: skip


def _direction(own: Mapping[Any, Any], outputs: Outputs, children: int) -> str:
    """Say in which direction episodes went, if the links leave no doubt of it."""
    if children < outputs.least:
        return _WITHHELD
    if own["low"] <= 0 <= own["high"]:
        return "no clear change"
    return "a rise" if own["low"] > 0 else "a fall"


def _rate(own: Mapping[Any, Any], outputs: Outputs, children: int) -> str:
    return _WITHHELD if children < outputs.least else f"{own['rate']:.1f}"


def _together(facts: Facts) -> Item:
    study, outputs = facts.newest.study, facts.outputs
    networks, moves = study.networks(), study.moves()
    in_groups = int(networks[networks["people"] > 2]["people"].sum())
    crossing = int(moves["found"].sum()) if len(moves) else 0
    rows = [
        ["in groups of three or more who went missing together", outputs.people(in_groups)],
        ["whom agencies place in two boroughs", outputs.people(crossing)],
    ]
    return Item(
        "Networks, places and borders",
        _BY,
        [
            "Networks and places stay with the analyst: a picture of a small group tells who is in "
            "it. Places are tokens that only agencies could name.",
        ],
        [Table("Children", ["who", "people"], rows)],
    )


def _tables(facts: Facts) -> Item:
    tables = []
    for own in facts.newest.released:
        if not own["checked"]["can_leave"]:
            continue
        lines = list(csv.reader(Path(own["file"]).read_text(encoding="utf-8").splitlines()))
        tables.append(Table(plain(str(own["name"])).replace("-", " "), lines[0], lines[1:]))
    return Item(
        "Tables that were released",
        _BY,
        ["[c] stands for a count that is withheld."],
        tables,
    )
