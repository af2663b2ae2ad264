"""Moves across borough borders, as homes and events in several boroughs show them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from agency_client.cohort.analysis.links import Links
from agency_client.cohort.counting import expected_count

_AREA = re.compile(r"^([A-Za-z]{1,2})\d")
_COLUMNS = ["person", "shown_by", "origin", "destination", "date", "agencies", "probability"]


def borough_of(districts: pd.Series[str], boroughs: Mapping[str, str] | None) -> pd.Series[str]:
    """Return the borough of each outward postcode: as the mapping says, else the postcode area.

    A district that the mapping lacks has none; outward postcodes don't follow borough borders, so
    that a mapping says in which borough most of one lies.
    """
    of, names = pd.factorize(districts)
    known = pd.Series(names, dtype=object)
    if boroughs is not None:
        found = known.map(dict(boroughs))
    else:
        found = known.str.extract(_AREA, expand=False).str.upper()
    # Of -1, where there is no district, it is the last.
    return pd.Series(np.array([*found, None], object)[of], districts.index)


def moves(
    memberships: pd.DataFrame, events: pd.DataFrame, links: Links,
    boroughs: Mapping[str, str] | None, home: str | None,
) -> pd.DataFrame:  # fmt: skip
    """Return people whom agencies place in several boroughs, one row a pair of boroughs or a move.

    ``shown_by`` says how: "homes" where two agencies give homes in different boroughs (which of
    them is the later isn't known: origin and destination are in alphabetical order), "events" where
    events of one period lie in another borough than those of the person's last period; of a period
    with several boroughs the one with most events counts. ``probability`` is that the records that
    show it are one person's.
    """
    parts = [_between_events(events, links, boroughs)]
    if home is not None:
        parts.append(_between_homes(memberships, links, boroughs, home))
    found = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return found.sort_values(
        ["person", "shown_by", "date", "origin"], ignore_index=True, na_position="first"
    )[_COLUMNS]


def move_counts(found: pd.DataFrame) -> pd.DataFrame:
    """Return how many people moved between each two boroughs: found, expected, low, high.

    A person counts once per way, origin and destination, with the surest of its moves.
    """
    keys = ["shown_by", "origin", "destination"]
    surest = found.groupby([*keys, "person"])["probability"].max()
    rows = [
        {
            **dict(zip(keys, way, strict=True)),
            "found": len(own),
            **vars(expected_count(own.to_numpy())),
        }
        for way, own in surest.groupby(keys)
    ]
    return pd.DataFrame(rows, columns=[*keys, "found", "expected", "low", "high"])


def _between_homes(
    memberships: pd.DataFrame, links: Links, boroughs: Mapping[str, str] | None, home: str
) -> pd.DataFrame:
    rows = memberships.assign(borough=borough_of(memberships[home], boroughs))
    rows = rows.dropna(subset=["borough"])[["person", "agency", "borough"]]
    pairs = rows.merge(rows, on="person", suffixes=("", "_2"))
    pairs = pairs[pairs["borough"] < pairs["borough_2"]]
    held = _together(pairs, links)
    pairs = pairs.assign(probability=held, agencies=_both(pairs))
    ways = pairs.groupby(["person", "borough", "borough_2"], sort=True)
    found = ways.agg(probability=("probability", "max"), agencies=("agencies", "first"))
    return (
        found.reset_index()
        .rename(columns={"borough": "origin", "borough_2": "destination"})
        .assign(shown_by="homes", date=pd.Series(dtype="datetime64[ms]"))
    )


def _between_events(
    events: pd.DataFrame, links: Links, boroughs: Mapping[str, str] | None
) -> pd.DataFrame:
    rows = events.assign(borough=borough_of(events["district"], boroughs))
    rows = rows.dropna(subset=["borough", "date"])
    counted = rows.groupby(["person", "date", "borough"]).agg(
        events=("agency", "size"), agency=("agency", "first")
    )
    ordered = counted.reset_index().sort_values(
        ["person", "date", "events", "borough"], ascending=[True, True, False, True]
    )
    periods = ordered.drop_duplicates(["person", "date"])
    before = periods.groupby("person")[["borough", "agency"]].shift()
    steps = periods.assign(origin=before["borough"], agency_2=before["agency"])
    steps = steps[steps["origin"].notna() & (steps["origin"] != steps["borough"])]
    return steps.rename(columns={"borough": "destination"}).assign(
        shown_by="events", probability=_together(steps, links), agencies=_both(steps)
    )


def _together(pairs: pd.DataFrame, links: Links) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    rows = links.rows_of(pairs["person"])
    one, other = (links.columns_of(pairs[name]) for name in ("agency", "agency_2"))
    both = links.held[rows, one] * links.held[rows, other]
    return np.where(one == other, 1.0, both)


def _both(pairs: pd.DataFrame) -> pd.Series[str]:
    low = pairs[["agency", "agency_2"]].min(axis=1)
    high = pairs[["agency", "agency_2"]].max(axis=1)
    return low.where(low == high, low + ", " + high)
