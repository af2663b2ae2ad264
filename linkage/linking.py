"""The whole of linking, from encodings to links and clusters, as one function without I/O."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linkage.calibration import Calibration, calibrate, source_pair
from linkage.candidates import Candidates, pair_levels
from linkage.clustering import Clusters
from linkage.estimates import EstimateBasis
from linkage.evaluation import Estimate
from linkage.fellegi_sunter import LinkageModel, estimate, probability
from linkage.households import Hints, hints_apart, household_hints
from linkage.open_pairs import OpenPairs, judge_open_pairs
from linkage.outcome import Evidence, Links, Thresholds, conclude
from linkage.patterns import GroupComparison, PatternHistogram, count_patterns
from linkage.rarity import rarity_of_pairs
from linkage.rescoring import RULED_OUT, rescore
from linkage.scanning import MapTiles, Scans, bring_together, scan_pairs
from linkage.sources import Sources
from linkage.unseen import Shown, shown_shares

__all__ = [
    "Linkage", "LinkingRules", "Links", "OpenLinks", "complete_scans", "link", "link_scanned",
]  # fmt: skip

_BITS = 1 / np.log(2)  # natural logarithms to bits


@dataclass(frozen=True)
class LinkingRules:
    """What the agreement says of matching; see `linkage.protocol.agreement.Matching`.

    ``repeats_hidden`` says that clean agencies hide what several of their records share;
    ``holds_given_name``, of each group, whether the given name is in it, empty where nobody knows.
    """

    comparisons: tuple[GroupComparison, ...]
    link: float
    review: float
    candidates_per_record: int
    seed: int
    repeats_hidden: bool = False
    holds_given_name: tuple[bool, ...] = ()


@dataclass(frozen=True)
class OpenLinks:
    """Of the links: what is said of those that stand for themselves (`linkage.open_pairs`).

    They are between agencies of which neither is clean or which share few people, or within one.

    ``probability`` float64 (links,) on their own evidence, NaN for all other links; ``rarer``
    float64 (links,) in bits: how much commoner, below 0 rarer, matches are there than elsewhere.
    """

    probability: NDArray[np.float64]
    rarer: NDArray[np.float64]


@dataclass(frozen=True)
class Linkage:
    """The outcome of linking.

    ``pattern_weight`` in bits and ``pattern_probability``, float64 (k,) each, are what a pair of
    each pattern of the histogram counts on its own evidence, before other records speak for it.
    For pairs that stand for themselves ``open_links`` says it, None without them.
    ``hints`` are the household hints, None where the groups can't show any; ``rarity`` float64
    (links,) in bits is what rare values add to each link, None where all groups are diffused.
    ``estimate`` is the expected quality at the link threshold, ``estimates`` the same by pair of
    agencies, and ``basis`` what both rest on; ``calibrated`` says whether there were enough sure
    pairs to learn from decoys.
    """

    links: Links
    clusters: Clusters
    model: LinkageModel
    histogram: PatternHistogram
    pattern_weight: NDArray[np.float64]
    pattern_probability: NDArray[np.float64]
    estimate: Estimate
    estimates: dict[tuple[str, str], Estimate]
    basis: EstimateBasis
    calibrated: bool
    open_links: OpenLinks | None = None
    hints: Hints | None = None
    rarity: NDArray[np.float64] | None = None


def link(sources: Sources, rules: LinkingRules, map_tiles: MapTiles) -> Linkage:
    """Link the records of all agencies; ``map_tiles`` runs the scan's tiles, `map` will do."""
    scans = complete_scans(sources, rules, {}, map_tiles)
    return link_scanned(sources, rules, bring_together(sources, rules.comparisons, scans))[0]


def complete_scans(
    sources: Sources, rules: LinkingRules, known: Scans, map_tiles: MapTiles
) -> Scans:
    """Return the scans of all pairs of agencies: those ``known``, and the others made now.

    A known scan must have been made of the same two files under the same rules. Then linking is
    the same whether its scans were made together or one file after the other.
    """
    names = sources.names
    missing = [(a, b) for a, b in sources.pairs() if (names[a], names[b]) not in known]
    made = scan_pairs(
        sources, missing, rules.comparisons, rules.candidates_per_record, rules.seed, map_tiles
    )
    return {**known, **made}


def link_scanned(
    sources: Sources, rules: LinkingRules, candidates: Candidates
) -> tuple[Linkage, Evidence]:
    """Link the records whose candidates are known; also return what the outcome rests on."""
    histogram = count_patterns(candidates.levels, candidates.marginals, candidates.total_pairs)
    model = estimate(sources, candidates, histogram, rules.comparisons)
    score, rarity, calibration = _scored(sources, rules, candidates, histogram, model)
    if not (calibration.calibrated or model.tells_matches):
        # Whoever reads the model later, as lookups do, must not believe it either.
        model = model.without_matches()
        score, rarity, calibration = _scored(sources, rules, candidates, histogram, model)
    pair_score = score[histogram.pattern_of]
    if rarity is not None:
        pair_score = pair_score + rarity
    judged = judge_open_pairs(sources, candidates, pair_score, calibration, model)
    weight = (pair_score + judged.rarer) * _BITS
    assigned = _assigned(candidates, weight, judged.probability, calibration.kept)
    basis = EstimateBasis(_shown(sources, assigned, model), calibration.mean_decoy_weight())
    outcome = conclude(
        sources,
        assigned,
        household_hints(assigned.levels, model, rules.holds_given_name),
        np.ones(len(assigned), np.bool_),
        Thresholds(rules.link, rules.review),
        basis,
        lambda left, right: pair_levels(sources, rules.comparisons, left, right),
    )
    linkage = Linkage(
        outcome.links,
        outcome.clusters,
        model,
        histogram,
        score * _BITS,
        _by_pattern(histogram, score, calibration),
        outcome.estimate,
        outcome.estimates,
        basis,
        calibration.calibrated,
        _open_links(sources, candidates, judged, outcome.links),
        hints_apart(candidates, outcome.clusters.cluster_of, model, rules.holds_given_name),
        _of_links(sources, candidates, rarity, outcome.links),
    )
    return linkage, outcome.evidence


def _scored(
    sources: Sources,
    rules: LinkingRules,
    candidates: Candidates,
    histogram: PatternHistogram,
    model: LinkageModel,
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None, Calibration]:
    """Return the score of each pattern, what rare values add to each pair, and the calibration."""
    odds = model.log_odds(histogram.patterns)
    level_counts = tuple(comparison.level_count for comparison in rules.comparisons)
    hidden = rules.repeats_hidden
    score, held_out = rescore(
        sources, candidates, histogram, level_counts, odds, repeats_hidden=hidden
    )
    of_pair = score[histogram.pattern_of]
    rarity = _rarity_of(sources, rules, candidates, of_pair)
    calibration = calibrate(
        sources, candidates, of_pair, held_out=held_out, rarity=rarity, repeats_hidden=hidden
    )
    return score, rarity, calibration


def _shown(sources: Sources, assigned: Links, model: LinkageModel) -> dict[tuple[str, str], Shown]:
    between = source_pair(sources, assigned.left, assigned.right)
    shares = shown_shares(sources, between, assigned.levels, assigned.probability, model)
    names, agencies = sources.names, len(sources.names)
    return {(names[key // agencies], names[key % agencies]): own for key, own in shares.items()}


def _by_pattern(
    histogram: PatternHistogram, score: NDArray[np.float64], calibration: Calibration
) -> NDArray[np.float64]:
    """Return the calibrated probability of each pattern, the mean of its competing pairs.

    These share theirs, unless rare values add to some of them.
    """
    competing = calibration.competing
    pattern, patterns = histogram.pattern_of[competing], len(score)
    number = np.bincount(pattern, minlength=patterns)
    total = np.bincount(pattern, calibration.probability[competing], patterns)
    return np.where(number > 0, total / np.maximum(number, 1), probability(score))


def _rarity_of(
    sources: Sources,
    rules: LinkingRules,
    candidates: Candidates,
    pair_score: NDArray[np.float64],
) -> NDArray[np.float64] | None:
    """Return what rare values add to each pair; nothing where its pattern rules a match out."""
    rarity = rarity_of_pairs(sources, rules.comparisons, candidates.left, candidates.right)
    return None if rarity is None else np.where(pair_score > RULED_OUT, rarity, 0.0)


def _of_links(
    sources: Sources,
    candidates: Candidates,
    rarity: NDArray[np.float64] | None,
    links: Links,
) -> NDArray[np.float64] | None:
    """Return what rare values add to each link, in bits; 0 to one that was no candidate."""
    if rarity is None:
        return None
    at, known = _places(sources, candidates, links)
    return np.asarray(np.where(known, rarity[at], 0.0) * _BITS, np.float64)


def _places(
    sources: Sources, candidates: Candidates, links: Links
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return where each link stands among the candidates, and whether it does at all."""
    keys = candidates.left * np.int64(len(sources)) + candidates.right
    wanted = links.left * np.int64(len(sources)) + links.right
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return at, keys[at] == wanted


def _open_links(
    sources: Sources, candidates: Candidates, judged: OpenPairs, links: Links
) -> OpenLinks | None:
    """Look up which of the links are open pairs, and what was judged of them."""
    if not judged.is_open.any():
        return None
    at, known = _places(sources, candidates, links)
    agencies = len(sources.names) ** 2
    among = source_pair(sources, candidates.left, candidates.right)[judged.is_open]
    is_open = np.bincount(among, minlength=agencies)[source_pair(sources, links.left, links.right)]
    own = np.where(known, judged.probability[at], 0.0)
    rarer = np.where(known, judged.rarer[at], 0.0)
    return OpenLinks(np.where(is_open > 0, own, np.nan), rarer * _BITS)


def _assigned(
    candidates: Candidates,
    weight: NDArray[np.float64],
    probabilities: NDArray[np.float64],
    winners: NDArray[np.bool_],
) -> Links:
    """Return the winners of the assignment, whatever their probability, the surest first."""
    kept = np.flatnonzero(winners)
    order = np.lexsort((-candidates.closeness[kept], -weight[kept], -probabilities[kept]))
    kept = kept[order]
    return Links(
        candidates.left[kept],
        candidates.right[kept],
        weight[kept],
        probabilities[kept],
        candidates.levels[kept],
    )
