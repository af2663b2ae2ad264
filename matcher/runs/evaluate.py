"""Measuring a run against truth: the only place where tokens meet an agency's own ids.

For evaluation sets and rehearsals, whose private maps may be pooled; in service nobody holds
the maps of two agencies.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from linkage.errors import InputError
from linkage.evaluation import Quality, best_quality

TRUTH_COLUMNS = ["agency", "record_id", "entity_id"]
MAP_COLUMNS = ["record_token", "record_id"]


@dataclass(frozen=True)
class Truth:
    """``entities``: the true person of each known record, by (agency, token).

    ``matches``: how many pairs of records of one person each pair of agencies has, whether or
    not they were encoded.
    """

    entities: dict[tuple[str, str], str]
    matches: dict[tuple[str, str], int]


def evaluate(run: Path, truth_file: Path, maps: dict[str, Path]) -> dict[str, Any]:
    """Return the quality of a run against truth, beside what its model estimated.

    Pairs are counted between agencies only. Matches of records that were never encoded count
    as missed.
    """
    model = _read_model(run)
    agencies = sorted(model["agencies"])
    truth = read_truth(truth_file, {agency: _map_of(agency, maps) for agency in agencies})
    links = _links_with_truth(run, truth)
    threshold = model["thresholds"]["link"]
    estimates = {tuple(pair["agencies"]): pair for pair in model["estimated_by_pair"]}
    best, probability = best_quality(
        links["probability"].to_numpy(), links["match"].to_numpy(), sum(truth.matches.values())
    )
    return {
        "agencies": {name: model["agencies"][name]["records"] for name in agencies},
        "threshold": threshold,
        "at_threshold": _quality(links, truth.matches, threshold),
        "best": {**best.as_dict(), "probability": _finite(probability)},
        "estimated": model["estimated"],
        "by_pair": [
            {
                "agencies": list(pair),
                "at_threshold": _quality(
                    links[(links["agency_a"] == pair[0]) & (links["agency_b"] == pair[1])],
                    {pair: matches},
                    threshold,
                ),
                "estimated": {k: v for k, v in estimates[pair].items() if k != "agencies"},
            }
            for pair, matches in truth.matches.items()
        ],
    }


def read_truth(path: Path, maps: dict[str, Path]) -> Truth:
    """Read the truth and join it to the tokens of every agency's map."""
    table = _read_truth_csv(path)
    entities: dict[tuple[str, str], str] = {}
    for agency, map_file in maps.items():
        known = table[table["agency"] == agency].set_index("record_id")["entity_id"]
        if known.empty:
            raise InputError(f"{path} knows no record of the agency {agency!r}; check its names.")
        records = _read_map(map_file)
        unknown = records[~records["record_id"].isin(known.index)]
        if len(unknown):
            raise InputError(
                f"{path} lacks {len(unknown)} of the records that {map_file} lists for "
                f"{agency!r}; give the truth and the map of the same extract."
            )
        found = known.loc[records["record_id"]]
        entities.update(
            ((agency, token), entity)
            for token, entity in zip(records["record_token"], found, strict=True)
        )
    return Truth(entities, _true_matches(table, sorted(maps)))


def _true_matches(table: pd.DataFrame, agencies: list[str]) -> dict[tuple[str, str], int]:
    counts = {
        agency: table.loc[table["agency"] == agency, "entity_id"].value_counts()
        for agency in agencies
    }
    return {
        (a, b): int(counts[a].mul(counts[b], fill_value=0).sum())
        for a, b in combinations(agencies, 2)
    }


def _links_with_truth(run: Path, truth: Truth) -> pd.DataFrame:
    columns = ["agency_a", "token_a", "agency_b", "token_b", "probability"]
    links = _read_parquet(run / "links.parquet", columns)
    left = _entities(truth, links["agency_a"], links["token_a"])
    right = _entities(truth, links["agency_b"], links["token_b"])
    return links.assign(match=left == right)


def _entities(
    truth: Truth, agencies: pd.Series[str], tokens: pd.Series[str]
) -> NDArray[np.object_]:
    try:
        found = [truth.entities[key] for key in zip(agencies, tokens, strict=True)]
    except KeyError as error:
        agency = error.args[0][0]
        raise InputError(
            f"The run links records of {agency!r} that its map does not list; "
            "give the map that was written with the encodings of this run."
        ) from None
    return np.array(found, dtype=object)


def _quality(
    links: pd.DataFrame, matches: dict[tuple[str, str], int], threshold: float
) -> dict[str, float]:
    linked = links[links["probability"] >= threshold]
    return Quality(len(linked), int(linked["match"].sum()), sum(matches.values())).as_dict()


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


def _read_map(path: Path) -> pd.DataFrame:
    return _read_parquet(path, MAP_COLUMNS)


def _read_parquet(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        frame: pd.DataFrame = pq.read_table(path, columns=columns).to_pandas()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist.") from None
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{path} is not a Parquet file with the columns {', '.join(columns)}."
        ) from error
    missing = set(columns) - set(frame.columns)
    if missing:
        raise InputError(f"{path} lacks the columns {', '.join(sorted(missing))}.")
    return frame


def _read_truth_csv(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError):
        raise InputError(f"{path} is not a CSV file in UTF-8 with a header.") from None
    missing = [column for column in TRUTH_COLUMNS if column not in table.columns]
    if missing:
        raise InputError(
            f"{path} lacks the column {missing[0]!r}; its header must be "
            f"{', '.join(TRUTH_COLUMNS)}."
        )
    repeated = table.duplicated(["agency", "record_id"])
    if repeated.any():
        row = int(np.flatnonzero(repeated)[0]) + 2
        raise InputError(f"{path}, row {row}: this agency and record_id stand here twice.")
    return table
