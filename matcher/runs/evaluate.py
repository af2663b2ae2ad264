"""Measuring a run against truth: over all, by pair of agencies, and by subgroup."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from linkage.errors import InputError
from linkage.evaluation import CONFIDENCE, Quality, best_quality, expected_quality, intervals
from matcher.runs.tables import read_parquet
from matcher.runs.truth import Truth, read_truth

LINK_COLUMNS = ["agency_a", "token_a", "agency_b", "token_b", "probability"]


def evaluate(run: Path, truth_file: Path, maps: dict[str, Path]) -> dict[str, Any]:
    """Return the quality of a run against truth, beside what its model estimated.

    Pairs are counted between agencies, and within those that aren't clean. Matches of records that
    were never encoded count as missed. What is counted at the link threshold carries 95%
    confidence intervals; see `linkage.evaluation.intervals` for how they are made.

    Every column of the truth beyond agency, record_id and entity_id is a kind of subgroup. A
    true pair belongs to the value of its person, a wrong link to that of its left record: the one
    of the agency first by name, or of the lower token within an agency. Where the records of a
    person differ in their values, the left record's holds for true pairs, too.

    Raises `InputError` for a folder, truth or map that can't be used.
    """
    model = _read_model(run)
    agencies = sorted(model["agencies"])
    linked = [(str(a), str(b)) for a, b in (p["agencies"] for p in model["estimated_by_pair"])]
    truth = read_truth(truth_file, {agency: _map_of(agency, maps) for agency in agencies}, linked)
    links = _links_with_truth(run, truth)
    threshold = model["thresholds"]["link"]
    best, probability = best_quality(
        links["probability"].to_numpy(), links["match"].to_numpy(), sum(truth.matches.values())
    )
    return {
        "agencies": {name: model["agencies"][name]["records"] for name in agencies},
        "threshold": threshold,
        "confidence": CONFIDENCE,
        "at_threshold": _counted(links, sum(truth.matches.values()), threshold),
        "best": {**best.as_dict(), "probability": _finite(probability)},
        "estimated": model["estimated"],
        "by_pair": _by_pair(links, truth, threshold, model["estimated_by_pair"]),
        "by_subgroup": {
            column: _by_value(links, truth, threshold, column) for column in truth.subgroups
        },
    }


def _by_pair(
    links: pd.DataFrame, truth: Truth, threshold: float, estimated: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    estimates = {tuple(pair["agencies"]): pair for pair in estimated}
    between = dict(list(links.groupby(["agency_a", "agency_b"])))
    return [
        {
            "agencies": list(pair),
            "at_threshold": _counted(between.get(pair, links.iloc[:0]), matches, threshold),
            "estimated": {k: v for k, v in estimates[pair].items() if k != "agencies"},
        }
        for pair, matches in truth.matches.items()
    ]


def _by_value(
    links: pd.DataFrame, truth: Truth, threshold: float, column: str
) -> list[dict[str, Any]]:
    """Return the quality of each value of a subgroup column, in the order of the values.

    The model's estimates here are of the pairs down to the review probability, since the run
    keeps no others; so the estimated recall is of these alone.
    """
    values = truth.records[column].to_numpy(str)
    of_link = values[links["left"]]
    parts = []
    for value in np.unique(values).tolist():
        part = links[of_link == value]
        matches = int(truth.matches_as_left[values == value].sum())
        expected = expected_quality(part["probability"].to_numpy(), threshold)
        counted = _counted(part, matches, threshold)
        parts.append({"value": value, "at_threshold": counted, "estimated": expected.as_dict()})
    return parts


def _links_with_truth(run: Path, truth: Truth) -> pd.DataFrame:
    """Return the links with the ``left`` record's row in the truth, and whether they ``match``."""
    links = read_parquet(run / "links.parquet", LINK_COLUMNS)
    left = truth.rows_of(links["agency_a"], links["token_a"])
    right = truth.rows_of(links["agency_b"], links["token_b"])
    entity = truth.records["entity_id"].to_numpy()
    return links.assign(left=left, match=entity[left] == entity[right])


def _counted(links: pd.DataFrame, matches: int, threshold: float) -> dict[str, Any]:
    linked = links[links["probability"] >= threshold]
    quality = Quality(len(linked), int(linked["match"].sum()), matches)
    return {**quality.as_dict(), "intervals": intervals(quality).as_dict()}


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _map_of(agency: str, maps: dict[str, Path]) -> Path:
    if agency not in maps:
        raise InputError(f"The run holds records of {agency!r}; give --map {agency}=FILE.")
    return maps[agency]


def _read_model(run: Path) -> dict[str, Any]:
    try:
        model: dict[str, Any] = json.loads((run / "model.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{run} is not the folder of a run; it has no model.json.") from None
    except ValueError:
        raise InputError(f"{run / 'model.json'} is damaged; link the files again.") from None
    return model
