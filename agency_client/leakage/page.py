"""The leakage report as one self-contained HTML page, the verdict first."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from agency_client.leakage.record import verdict
from agency_client.leakage.verdict import describe_groups
from agency_client.pages import page_template
from hashing.risk import AttackResult, LeakageReport, Measure
from hashing.risk.assess import LEAST_OWN_ROWS
from hashing.risk.measures import DUPLICATES, NEAR_DUPLICATES

_COUNTS = frozenset({DUPLICATES, NEAR_DUPLICATES})


@dataclass(frozen=True)
class Row:
    """A choice of groups: the share that each attack recovered of it, and whether that's over."""

    groups: str
    cells: list[Cell]


@dataclass(frozen=True)
class Cell:
    """A figure as text, with what stands below it, and whether it is over the limit."""

    text: str
    below: str
    over: bool


@dataclass(frozen=True)
class Table:
    """The attacks on one sample."""

    caption: str
    columns: list[str]
    rows: list[Row]


def as_html(report: LeakageReport, agency: str, overruled: str | None = None) -> str:
    """Return the page. It loads nothing, runs no script, and names no person or record."""
    return page_template("agency_client.leakage", "leakage.html").render(
        agency=agency,
        report=report,
        verdict=verdict(report, overruled),
        overruled=overruled,
        limit=_percent(report.limit),
        worst=_sentence(report.worst) if report.worst else None,
        failed=len(report.failed),
        least_own=LEAST_OWN_ROWS,
        tables=_tables(report),
        measures=_measures(report.measures),
        measure_names=list(dict.fromkeys(measure.name for measure in report.measures)),
    )


def _sentence(worst: AttackResult) -> str:
    return (
        f"{_percent(worst.share)} of {worst.records:,} records were re-identified by "
        f"“{worst.attack}” from the {describe_groups(worst.groups)} of the sample “{worst.sample}” "
        f"({worst.sample_records:,} records); guessing gets {_percent(worst.baseline)}."
    )


def _tables(report: LeakageReport) -> list[Table]:
    """Return one table a sample: a row per choice of groups, all together first."""
    tables = []
    for (sample, size), found in groupby(
        report.attacks, key=lambda result: (result.sample, result.sample_records)
    ):
        results = list(found)
        attacks = list(dict.fromkeys(result.attack for result in results))
        by_groups: dict[tuple[str, ...], dict[str, Cell]] = {
            groups: {} for groups in dict.fromkeys(r.groups for r in results)
        }
        for result in results:
            by_groups[result.groups][result.attack] = _cell(result, report.limit)
        most = max(map(len, by_groups))
        order = sorted(by_groups, key=lambda groups: (len(groups) != most, len(groups)))
        none = Cell("–", "", over=False)
        rows = [
            Row(_label(groups), [by_groups[groups].get(attack, none) for attack in attacks])
            for groups in order
        ]
        tables.append(Table(f"Sample: {sample}, {size:,} records", attacks, rows))
    return tables


def _label(groups: tuple[str, ...]) -> str:
    return " + ".join(groups) if len(groups) <= 2 else f"all {len(groups)} groups together"


def _cell(result: AttackResult, limit: float) -> Cell:
    low, high = result.interval
    below = f"{_percent(low)} to {_percent(high)}; chance {_percent(result.baseline)}"
    return Cell(_percent(result.share), below, over=result.exceeds(limit))


def _measures(measures: tuple[Measure, ...]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return per group each measure and its random baseline, as text."""
    return [
        (group, [(_number(m.name, m.value), _number(m.name, m.baseline)) for m in found])
        for group, found in groupby(measures, key=lambda measure: measure.group)
    ]


def _number(name: str, value: float) -> str:
    return f"{value:,.0f}" if name in _COUNTS else f"{value:.3f}"


def _percent(share: float) -> str:
    return f"{share:.1%}"
