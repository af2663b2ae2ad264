"""How sure each link is, and what else may be true.

A person of the cohort is a cluster of records. One of them, the *anchor*, is the person for
certain; each other agency's record belongs to it with the probability of the link that brought it
in, independently of the others. Where it doesn't, it is another person's whom that agency alone
knows. The anchor is the record brought in by the surest link (the first agency in alphabetical
order, where several are), so that two records of one link hold together exactly as likely as it.

What links say nothing of are matches that were missed. How many they are follows from the
estimated recall of the pair of agencies; see `missed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agency_client.cohort.analysis.description import PairEstimate
from agency_client.cohort.counting import LEVEL, Count

DRAWS = 2_000
SEED = 1
_QUANTILE = 1.959963984540054  # of the normal distribution, for a two-sided interval of 95%
_STEP = 1e-3  # probabilities this near are drawn as one
_PRIOR = 0.5  # matches seen beside those counted, so that none seen doesn't mean none missed


@dataclass(frozen=True, repr=False)
class Links:
    """Who is known where, and how surely.

    ``people`` are pseudonyms in order, ``agencies`` names in order; ``held`` float64 (people,
    agencies) is the probability that the agency's record is the person's: 1 of the anchor's, 0
    where the agency has none.
    """

    people: pd.Index[str]
    agencies: tuple[str, ...]
    held: NDArray[np.float64]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which agency has a record linked to which person, bool (people, agencies)."""
        return self.held > 0

    def marked(self, rows: pd.DataFrame) -> NDArray[np.bool_]:
        """Return bool (people, agencies): which agency has a row, with person, on whom."""
        return self.counted(rows) > 0

    def counted(self, rows: pd.DataFrame) -> NDArray[np.int64]:
        """Return int64 (people, agencies): how many rows each agency has on each person."""
        counts = np.zeros(self.held.shape, np.int64)
        np.add.at(counts, (self.rows_of(rows["person"]), self.columns_of(rows["agency"])), 1)
        return counts

    def rows_of(self, people: pd.Series[str]) -> NDArray[np.int64]:
        """Return the numbers of people, int64 (n,)."""
        return np.asarray(self.people.get_indexer(pd.Index(people)), np.int64)

    def columns_of(self, agencies: pd.Series[str]) -> NDArray[np.int64]:
        """Return the numbers of agencies, int64 (n,)."""
        return np.asarray(pd.Index(self.agencies).get_indexer(pd.Index(agencies)), np.int64)

    def together(self, one: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return float64 (people,): how likely records of both kinds are the anchor's.

        ``one`` and ``other``, bool (people, agencies), mark the records of each kind; a record of
        both kinds is enough. Of no record of a kind: 0.
        """
        out = 1 - self.held
        neither = np.where(one | other, out, 1).prod(axis=1)
        no_one, no_other = (np.where(kind, out, 1).prod(axis=1) for kind in (one, other))
        return np.asarray(1 - no_one - no_other + neither, np.float64)

    def drawn(self, draws: int = DRAWS) -> Iterator[NDArray[np.bool_]]:
        """Yield, again and again, which records may be the person's, bool (agencies, people).

        Whoever asks gets the same ones: what is drawn for two questions may be subtracted.
        """
        random = np.random.default_rng(SEED)
        held = np.ascontiguousarray(self.held.T)
        open_ones = np.flatnonzero((held > 0) & (held < 1))
        chances = held.ravel()[open_ones].astype(np.float32)
        for _ in range(draws):
            own = held == 1
            own.reshape(-1)[open_ones] = random.random(len(chances), np.float32) < chances
            yield own


def read_links(memberships: pd.DataFrame, agencies: tuple[str, ...]) -> Links:
    """Return who is known where, from a cohort's table of memberships."""
    people = pd.Index(np.sort(memberships["person"].unique()))
    links = Links(people, agencies, np.zeros((len(people), len(agencies))))
    rows, columns = links.rows_of(memberships["person"]), links.columns_of(memberships["agency"])
    links.held[rows, columns] = memberships["probability"].to_numpy()
    if len(people):
        links.held[np.arange(len(people)), links.held.argmax(axis=1)] = 1
    return links


def drawn_sum(probability: NDArray[np.float64], stream: int = 0) -> NDArray[np.int64]:
    """Return int64 (draws,): sums of independent events with these probabilities.

    Different streams are independent of each other.
    """
    classes = np.round(probability / _STEP).astype(np.int64)
    _, of, counts = np.unique(classes, return_inverse=True, return_counts=True)
    means = np.bincount(of, probability) / counts if len(counts) else np.empty(0)
    random = np.random.default_rng((SEED, 1, stream))
    total = np.zeros(DRAWS, np.int64)
    for count, mean in zip(counts.tolist(), means.tolist(), strict=True):
        total += random.binomial(count, min(mean, 1.0), DRAWS)
    return total


def missed(found: NDArray[np.int64], estimate: PairEstimate, stream: int = 0) -> NDArray[np.int64]:
    """Return int64 (draws,): how many matches were missed beside those found, int64 (draws,).

    Each match is found with the recall of the pair, itself drawn from a beta distribution with the
    estimate's mean and interval. Given what was found, what was missed is negative binomial (the
    posterior under a prior that falls with the square root of the number of matches).
    """
    random = np.random.default_rng((SEED, 2, stream))
    recall = _drawn_recall(estimate, random, len(found))
    return np.asarray(random.negative_binomial(found + _PRIOR, recall), np.int64)


def summary(draws: NDArray[np.int64] | NDArray[np.float64]) -> Count:
    """Return the mean and the 95% interval of what was drawn."""
    if not len(draws):
        return Count(0.0, 0.0, 0.0)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(draws, (tail, 1 - tail), method="inverted_cdf")
    return Count(float(draws.mean()), float(low), float(high))


def _drawn_recall(
    estimate: PairEstimate, random: np.random.Generator, draws: int
) -> NDArray[np.float64]:
    mean = float(np.clip(estimate.recall, 0.01, 0.9999))
    if estimate.interval is None:
        return np.full(draws, mean)
    low, high = estimate.interval
    spread = max((high - low) / (2 * _QUANTILE), 1e-6)
    weight = max(mean * (1 - mean) / spread**2 - 1, 2.0)
    drawn = random.beta(mean * weight, (1 - mean) * weight, draws)
    return np.clip(drawn, 0.01, 0.9999)
