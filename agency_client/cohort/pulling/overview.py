"""A cohort at a glance: one HTML page that loads nothing and runs no script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agency_client.cohort.counting import expected_count
from agency_client.cohort.tables import BETWEEN_AGENCIES, dictionary_rows
from agency_client.pages import page_template
from linkage.protocol.sections.payload import Payload

_NO_QUARTER = "no quarter"
_MOST_COMBINATIONS = 40


@dataclass(frozen=True)
class Figure:
    """A count of people with what it is of, and the interval of how many are linked rightly."""

    of: str
    people: str
    expected: str
    interval: str


@dataclass(frozen=True)
class Grid:
    """A table with headings at its top and its left."""

    caption: str
    columns: list[str]
    rows: list[tuple[str, list[str]]]


def overview_page(facts: Mapping[str, Any], tables: Mapping[str, Any], payload: Payload) -> str:
    """Return the page; ``facts`` is what ``cohort.json`` says of the cohort."""
    coverage = list(_coverage(tables["coverage"]))
    return page_template("agency_client.cohort.pulling", "overview.html").render(
        facts=facts,
        estimates=[_estimate(own) for own in facts["estimates"]],
        figures=list(_by_number(tables["people"])),
        coverage=coverage[:_MOST_COMBINATIONS],
        more=max(0, len(coverage) - _MOST_COMBINATIONS),
        both=_both(tables["memberships"]),
        events=_events(tables["events"]),
        rows=[
            {"table": name, "count": _count(own.num_rows)} for name, own in sorted(tables.items())
        ],
        dictionary=list(dictionary_rows(payload)),
    )


def _by_number(people: Any) -> Iterator[Figure]:
    """Yield the people by how many agencies know them."""
    agencies = people["agencies"].to_numpy()
    probability = people["probability"].to_numpy()
    yield _figure("all", probability)
    for number in np.unique(agencies).tolist():
        what = "one agency" if number == 1 else f"{number} agencies"
        yield _figure(f"known to {what}", probability[agencies == number])


def _figure(of: str, probability: Any) -> Figure:
    found = expected_count(probability)
    return Figure(
        of, _count(len(probability)), _count(round(found.expected)),
        f"{_count(int(found.low))} to {_count(int(found.high))}",
    )  # fmt: skip


def _coverage(coverage: Any) -> Iterator[Figure]:
    """Yield the combinations of agencies, those with most people first."""
    for row in coverage.sort_by([("people", "descending"), ("agencies", "ascending")]).to_pylist():
        yield Figure(
            row["agencies"].replace(BETWEEN_AGENCIES, " and "),
            _count(row["people"]),
            _count(round(row["expected"])),
            f"{_count(int(row['low']))} to {_count(int(row['high']))}",
        )


def _both(memberships: Any) -> Grid:
    """Return how many people each two agencies both know; on the diagonal, how many each knows."""
    names = sorted(pc.unique(memberships["agency"]).to_pylist())
    person = memberships["person"].combine_chunks().dictionary_encode()
    codes = np.asarray(person.indices, np.int64)
    known = np.zeros((len(names), len(person.dictionary)), np.int64)
    known[np.asarray(pc.index_in(memberships["agency"], pa.array(names)), np.int64), codes] = 1
    shared = known @ known.T
    rows = [(name, _counts(own)) for name, own in zip(names, shared.tolist(), strict=True)]
    return Grid("People known to both", names, rows)


def _events(events: Any) -> Grid:
    """Return how many events of each type there are in each quarter."""
    table = pa.table(
        {"event": events["event"], "quarter": pc.fill_null(events["quarter"], _NO_QUARTER)}
    )
    counted = table.group_by(["event", "quarter"]).aggregate([([], "count_all")]).to_pylist()
    found = {(row["event"], row["quarter"]): row["count_all"] for row in counted}
    quarters = sorted({quarter for _, quarter in found})
    rows = [
        (name, _counts([found.get((name, quarter), 0) for quarter in quarters]))
        for name in sorted({name for name, _ in found})
    ]
    return Grid("Events as agencies told them, by quarter", quarters, rows)


def _estimate(own: Mapping[str, Any]) -> tuple[str, str, str]:
    return (
        f"{own['agency_a']} and {own['agency_b']}",
        _share(own["precision"], own["intervals"]["precision"]),
        _share(own["recall"], own["intervals"]["recall"]),
    )


def _share(value: float, interval: Sequence[float] | None) -> str:
    within = f" ({interval[0]:.1%} to {interval[1]:.1%})" if interval else ""
    return f"{value:.1%}{within}"


def _counts(values: Sequence[int]) -> list[str]:
    return [_count(value) for value in values]


def _count(value: int) -> str:
    return f"{value:,}"
