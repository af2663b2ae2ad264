"""Who is known to one agency and to another, or absent there; with what links may have missed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agency_client.cohort.analysis.choosing import Words, chosen, refuse_unknown, words_of
from agency_client.cohort.analysis.description import Description, PairEstimate
from agency_client.cohort.analysis.frames import Frames
from agency_client.cohort.analysis.links import DRAWS, Links, drawn_sum, missed, summary
from agency_client.cohort.counting import Count, expected_count


@dataclass(frozen=True, repr=False)
class Absence:
    """People known to one agency and absent from others.

    ``people`` has, per person that isn't linked there, the probability that it is truly absent.
    ``found`` is their number; ``by_links`` takes linked people into account who may be wrongly
    linked; ``count``, the answer, also the links that were missed. ``recall_known`` is False where
    the recall of a pair wasn't estimated, or is but an upper limit: then ``count`` is too high.
    """

    people: pd.DataFrame
    found: int
    by_links: Count
    count: Count
    recall_known: bool

    def __repr__(self) -> str:
        own = self.count
        return f"Absence({own.expected:.0f} people, {own.low:.0f} to {own.high:.0f})"


@dataclass(frozen=True)
class Asked:
    """Known to whom, absent from whom; by records, or by events of a type, kind and quarter."""

    known_to: str
    absent_from: str | tuple[str, ...]
    known_event: Words = None
    absent_event: Words = None
    quarter: Words = None


def absent_people(frames: Frames, links: Links, asked: Asked) -> Absence:
    """Return who is known to one agency and absent from others; see `Asked`."""
    here = _marks(frames, links, [asked.known_to], asked.known_event, asked.quarter)
    there = _marks(frames, links, words_of(asked.absent_from), asked.absent_event, asked.quarter)
    known = here.any(axis=1)
    both = known & there.any(axis=1)
    probability = np.where(both, links.together(here, there), 0.0)
    unseen, recall_known = _missed_people(frames.description, links, here, there)
    left = int((known & ~both).sum())
    unseen = np.minimum(unseen, left)
    absent = int(known.sum()) - drawn_sum(probability[both]) - unseen
    by_links = expected_count(1 - probability[known])
    chance = 1 - (float(unseen.mean()) / left if left else 0.0)
    people = _described(links, np.asarray(known & ~both), chance)
    return Absence(people, left, by_links, summary(absent), recall_known)


def known_pairs(frames: Frames, links: Links) -> pd.DataFrame:
    """Return per pair of agencies how many people both know: found, and with missed links.

    Columns agency, other, found, expected, low, high; ``expected`` and its 95% interval count
    missed links where the recall of the pair is estimated (``recall`` is then given).
    """
    rows = []
    for i, one in enumerate(links.agencies):
        for j, other in enumerate(links.agencies[:i]):
            here, there = (_only(links.known, column) for column in (j, i))
            probability = links.together(here, there)
            unseen, known = _missed_people(frames.description, links, here, there)
            most = int(min(here.sum(), there.sum()))
            count = summary(np.minimum(drawn_sum(probability[probability > 0]) + unseen, most))
            estimate = frames.description.recall(one, other)
            rows.append(
                {
                    "agency": other,
                    "other": one,
                    "found": int((probability > 0).sum()),
                    **vars(count),
                    "recall": estimate.recall if known and estimate else None,
                }
            )
    return pd.DataFrame(rows)


def _missed_people(
    description: Description, links: Links, here: NDArray[np.bool_], there: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], bool]:
    """Return how many people were missed, int64 (draws,), and whether that is known.

    ``here`` has records of one agency. A person of whom several others have records is missed only
    if all links are: who was found is taken to have been found with that chance. (Others that know
    the person too and weren't linked would have made it more; so absences come out a little low.)
    """
    (column,) = np.flatnonzero(here.any(axis=0)).tolist() or [0]
    recalls = _recalls(description, links, column, there)
    known = all(own is not None and own.counts_unseen for own in recalls.values())
    given = {j: own for j, own in recalls.items() if own is not None}
    found = links.together(here, there)
    if not given:
        return np.zeros(DRAWS, np.int64), known
    return missed(drawn_sum(found[found > 0], column), _joint(given, there, found), column), known


def _recalls(
    description: Description, links: Links, column: int, there: NDArray[np.bool_]
) -> dict[int, PairEstimate | None]:
    others = (j for j in np.flatnonzero(there.any(axis=0)).tolist() if j != column)
    return {j: description.recall(links.agencies[column], links.agencies[j]) for j in others}


def _joint(
    given: dict[int, PairEstimate], there: NDArray[np.bool_], found: NDArray[np.float64]
) -> PairEstimate:
    """Return one recall for people found at any of several agencies, by what each is found with."""
    ends = [_shared(given, there, found, end) for end in (0, None, 1)]
    low, mean, high = ends
    names = frozenset[str]().union(*(own.agencies for own in given.values()))
    interval = None if all(own.interval is None for own in given.values()) else (low, high)
    return PairEstimate(names, mean, interval)


def _shared(
    given: dict[int, PairEstimate], there: NDArray[np.bool_], found: NDArray[np.float64],
    end: int | None,
) -> float:  # fmt: skip
    """Return the recall over all found: at an ``end`` of the interval, or the mean if None."""
    chosen_end = {j: own.recall if end is None or own.interval is None else own.interval[end]
                  for j, own in given.items()}  # fmt: skip
    unseen = np.ones(len(found))
    for j, recall in chosen_end.items():
        unseen *= np.where(there[:, j], 1 - min(recall, 1.0), 1.0)
    seen = np.maximum(1 - unseen, 0.01)
    here = (found > 0) & (unseen < 1)
    if not here.any():
        return float(np.mean(list(chosen_end.values())))
    return float(found[here].sum() / (found[here] / seen[here]).sum())


def _marks(
    frames: Frames, links: Links, agencies: list[str], event: Words, quarter: Words
) -> NDArray[np.bool_]:
    refuse_unknown("agency", agencies, links.agencies)
    if event is None:
        marks = links.known.copy()
    else:
        marks = links.marked(chosen(frames.events, event=event, quarter=quarter))
    marks[:, [name not in agencies for name in links.agencies]] = False
    return marks


def _only(marks: NDArray[np.bool_], column: int) -> NDArray[np.bool_]:
    kept = np.zeros_like(marks)
    kept[:, column] = marks[:, column]
    return kept


def _described(links: Links, which: NDArray[np.bool_], chance: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "person": links.people[which],
            "agencies": links.known[which].sum(axis=1),
            "probability": np.full(int(which.sum()), chance),
        }
    )
