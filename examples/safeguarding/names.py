"""Names of a mixed London borough, drawn by culture with rough frequencies.

The lists lie in ``name_lists/``, made by hand from general knowledge. A name has other forms: some
are used instead of it (Kate for Katherine), others are the same name spelt by another ear
(Mohammed, Muhammad).
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Literal

Sex = Literal["F", "M"]

_FOLDER = Path(__file__).with_name("name_lists")
_GIVEN_PART: Mapping[Sex, str] = {"F": "given_f", "M": "given_m"}


@dataclass(frozen=True)
class WeightedNames:
    """Names with their running total of weights, ready to draw from."""

    names: tuple[str, ...]
    cumulative: tuple[float, ...]

    def draw(self, rng: Random) -> str:
        """Draw one name by its weight."""
        return rng.choices(self.names, cum_weights=self.cumulative)[0]


@dataclass(frozen=True)
class Culture:
    """One naming culture; ``order_confusion`` is relative to the average of all."""

    name: str
    share: float
    order_confusion: float
    middle_rate: float
    double_barrelled_rate: float
    given: Mapping[Sex, WeightedNames]
    surnames: WeightedNames


@dataclass(frozen=True)
class Variants:
    """Other forms of names: ``familiar`` one way, the spellings both ways."""

    familiar: Mapping[str, tuple[str, ...]]
    spellings: Mapping[str, tuple[str, ...]]
    surname_spellings: Mapping[str, tuple[str, ...]]


def load_cultures() -> tuple[Culture, ...]:
    """Read every culture, in the order of ``cultures.csv``."""
    return tuple(_culture(row) for row in _rows(_FOLDER / "cultures.csv"))


def load_variants() -> Variants:
    """Read the table of variants."""
    rows = list(_rows(_FOLDER / "variants.csv"))
    groups = [(row["kind"], (row["name"], *row["variants"].split("|"))) for row in rows]
    return Variants(
        familiar=_one_way([group for kind, group in groups if kind in {"nickname", "english"}]),
        spellings=_both_ways([group for kind, group in groups if kind == "spelling"]),
        surname_spellings=_both_ways([group for kind, group in groups if kind == "surname"]),
    )


def _culture(row: Mapping[str, str]) -> Culture:
    parts = list(_rows(_FOLDER / f"{row['culture']}.csv"))
    return Culture(
        name=row["culture"],
        share=float(row["share"]),
        order_confusion=float(row["order_confusion"]),
        middle_rate=float(row["middle_rate"]),
        double_barrelled_rate=float(row["double_barrelled_rate"]),
        given={sex: _weighted(parts, part) for sex, part in _GIVEN_PART.items()},
        surnames=_weighted(parts, "surname"),
    )


def _weighted(rows: list[dict[str, str]], part: str) -> WeightedNames:
    chosen = [row for row in rows if row["part"] == part]
    weights = accumulate(float(row["weight"]) for row in chosen)
    return WeightedNames(tuple(row["name"] for row in chosen), tuple(weights))


def _one_way(groups: list[tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    forms: dict[str, tuple[str, ...]] = {}
    for name, *others in groups:
        forms[name] = (*forms.get(name, ()), *others)
    return forms


def _both_ways(groups: list[tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    forms: dict[str, tuple[str, ...]] = {}
    for group in groups:
        for name in group:
            others = tuple(other for other in group if other != name)
            forms[name] = (*forms.get(name, ()), *others)
    return forms


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
