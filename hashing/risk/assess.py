"""The leakage report: measure a sample's encodings, attack them, compare with chance."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from hashing.encoder import Encoder
from hashing.risk.attacks import frequency, known_pairs
from hashing.risk.attacks.graph import GraphAttack
from hashing.risk.measures import measure
from hashing.risk.results import AttackResult, LeakageReport, SampleSize
from hashing.risk.samples import dense_rows, own_rows
from hashing.risk.view import Sight, as_sent, look
from hashing.secret import LinkageSecret
from hashing.standardise import StandardRows
from linkage.protocol.scheme import Scheme
from linkage.protocol.weakness import weak_groups

LIMIT = 0.02
"""No attack may recover more than this share of the records above what chance recovers."""

KNOWN_PAIRS = (50, 200)
GRAPH, FREQUENCY = "similarity graph", "frequency"
OWN, DENSE = "own rows", "dense"

LEAST_OWN_ROWS = 200  # among fewer, the limit would be a person or two
_LEAST_GUESSED = 100
_THREADS = 2

Report = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How much is attacked.

    ``own`` is the most of the agency's rows, ``dense`` the sizes of dense samples. Samples of up
    to ``pairs_to`` records are attacked in pairs of groups, too. ``rounds`` bounds refinement.
    """

    own: int
    dense: tuple[int, ...]
    pairs_to: int
    rounds: int


BEFORE_ENCODING = Plan(own=1000, dense=(500, 1000), pairs_to=500, rounds=4)
"""What fits into a minute on two cores: pairs of groups, of which there are many, on 500 people."""

_SMALL = Plan(own=0, dense=(300,), pairs_to=0, rounds=8)


def assess(
    scheme: Scheme,
    secret: LinkageSecret,
    rows: StandardRows,
    seed: int,
    plan: Plan = BEFORE_ENCODING,
    report: Report | None = None,
    *,
    clean: bool = True,
) -> LeakageReport:
    """Measure and attack a sample of standardised records; ``report`` is told each sample.

    ``rows`` has at least one record and no refused cell. Local suppression, where the scheme has
    it, is for ``clean`` extracts, which hold each person once. ``seed`` fixes the samples, the
    attacker's keys and the known pairs. The own rows are attacked from 200 records on; below
    that one small dense sample stands for the scheme. Raises what `Encoder.encode` raises.
    """
    started = time.monotonic()
    rng = np.random.default_rng(seed)
    if rows.count < LEAST_OWN_ROWS:
        plan = replace(_SMALL, own=plan.own)
    lenient = replace(
        scheme,
        required_fill=None,  # a sample's fill may differ from the whole's
        local_suppression=scheme.local_suppression and clean,
    )
    own = own_rows(rows, plan.own, rng)
    samples: list[tuple[str, StandardRows]] = []
    if own.count >= LEAST_OWN_ROWS:
        samples.append((OWN, own))
    samples += [(DENSE, dense_rows(scheme, rows, size, rng)) for size in plan.dense]
    results: list[AttackResult] = []
    for name, sample in samples:
        if report:
            report(f"{name}, {sample.count:,} records")
        pairs = sample.count <= plan.pairs_to
        results += attack_sample(
            name, lenient, secret, sample, rng, pairs=pairs, rounds=plan.rounds
        )
    with Encoder(lenient, secret) as encoder:
        sent, _ = as_sent(encoder.encode(own), lenient, rng)
    return LeakageReport(
        scheme=scheme.version,
        scheme_digest=scheme.digest(),
        limit=LIMIT,
        samples=tuple(SampleSize(name, sample.count) for name, sample in samples),
        measures=measure(sent, encoder.layout, rng),
        attacks=tuple(results),
        weak_groups=tuple(weak_groups(scheme)),
        undiffused=tuple(g.name for g in scheme.group if g.similarity == "dice"),
        own_rows_attacked=own.count >= LEAST_OWN_ROWS,
        seconds=time.monotonic() - started,
    )


def attack_sample(
    name: str,
    scheme: Scheme,
    secret: LinkageSecret,
    rows: StandardRows,
    rng: np.random.Generator,
    *,
    pairs: bool,
    rounds: int,
) -> list[AttackResult]:
    """Encode a sample and return the outcome of every attack on every choice of its groups."""
    # Many small matrices: threads that wait for each other would take longer than one.
    with threadpool_limits(1):
        sight = look(scheme, secret, rows, rng)
        return attack_sight(name, sight, rng, pairs=pairs, rounds=rounds)


def attack_sight(
    name: str, sight: Sight, rng: np.random.Generator, *, pairs: bool, rounds: int
) -> list[AttackResult]:
    """Return the outcome of every attack; choices that fewer than 100 records have are left out.

    Two threads share the choices; the outcome doesn't depend on how.
    """
    graph = GraphAttack(sight)
    count = len(sight.answer)
    known = {k: np.sort(rng.permutation(count)[:k]) for k in KNOWN_PAIRS if 2 * k <= count}

    def attack(groups: tuple[int, ...]) -> list[AttackResult]:
        none = np.empty(0, np.intp)
        found = [
            _score(name, sight, groups, GRAPH, graph.align(groups, rounds), none),
            _score(name, sight, groups, FREQUENCY, frequency.align(sight, groups), none),
        ]
        for k, told in known.items():
            guess = known_pairs.align(sight, groups, told, rounds)
            found.append(_score(name, sight, groups, f"{k} known pairs", guess, told))
        return found

    chosen = [
        groups
        for groups in _choices(len(sight.names), pairs=pairs)
        if sight.listed[:, groups].any(axis=1).sum() >= _LEAST_GUESSED
    ]
    with ThreadPoolExecutor(_THREADS) as pool:
        return [result for found in pool.map(attack, chosen) for result in found]


def _choices(groups: int, *, pairs: bool) -> list[tuple[int, ...]]:
    """Return each group alone, pairs of groups if asked for, and all together."""
    chosen: list[tuple[int, ...]] = [(g,) for g in range(groups)]
    if pairs:
        chosen += combinations(range(groups), 2)
    return list(dict.fromkeys([*chosen, tuple(range(groups))]))


def _score(
    name: str,
    sight: Sight,
    groups: Sequence[int],
    attack: str,
    guess: NDArray[np.intp],
    known: NDArray[np.intp],
) -> AttackResult:
    """Count the records whose encoding was taken for a person with the same values."""
    values = _labels(sight, groups)
    asked = np.asarray(sight.listed[:, groups].any(axis=1), np.bool_)
    asked[known] = False
    owner = np.empty_like(sight.answer)
    owner[sight.answer] = np.arange(len(owner))
    right = values[owner[guess]] == values
    sizes = np.unique(values[asked], return_counts=True)[1]
    return AttackResult(
        sample=name,
        sample_records=len(values),
        groups=tuple(sight.names[g] for g in groups),
        attack=attack,
        records=int(asked.sum()),
        recovered=int((right & asked).sum()),
        baseline=float(((sizes / asked.sum()) ** 2).sum()),
    )


def _labels(sight: Sight, groups: Sequence[int]) -> NDArray[np.int64]:
    _, labels = np.unique(sight.values[:, groups], axis=0, return_inverse=True)
    return np.asarray(labels, np.int64).ravel()
