"""What the measures and attacks found: numbers alone, without a value, an id or a token."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

_Z95 = 1.959964


@dataclass(frozen=True)
class Measure:
    """One property of a group's encodings, beside that of random bits of the same size and fill."""

    group: str
    name: str
    value: float
    baseline: float


@dataclass(frozen=True)
class SampleSize:
    """A sample that was attacked: ``own`` rows or a ``dense`` resampling of their values."""

    name: str
    records: int


@dataclass(frozen=True)
class AttackResult:
    """How many records of a sample an attack re-identified from some of the groups.

    A guess is right if it names a person with the same values in what the groups take in.
    ``records`` counts those that could be guessed (they have an encoding, and are no known pair),
    ``baseline`` is the share that guesses at random get right.
    """

    sample: str
    sample_records: int
    groups: tuple[str, ...]
    attack: str
    records: int
    recovered: int
    baseline: float

    @property
    def share(self) -> float:
        """The share of the records that was recovered."""
        return self.recovered / self.records

    @property
    def excess(self) -> float:
        """The share above what guessing at random gets right."""
        return self.share - self.baseline

    def exceeds(self, limit: float) -> bool:
        """Return whether the share is above the baseline and ``limit`` beyond doubt.

        That is, with its whole 95% interval: of some hundred attacks on a sample a few are over
        a limit by luck.
        """
        return self.interval[0] > self.baseline + limit

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95% confidence interval of the share (Wilson, 1927)."""
        n, p = self.records, self.share
        centre = (p + _Z95**2 / (2 * n)) / (1 + _Z95**2 / n)
        reach = _Z95 * sqrt(p * (1 - p) / n + _Z95**2 / (4 * n * n)) / (1 + _Z95**2 / n)
        return max(0.0, centre - reach), min(1.0, centre + reach)


@dataclass(frozen=True)
class LeakageReport:
    """All that was measured of one scheme on one extract's sample.

    ``limit`` is the share above the random baseline that no attack may exceed beyond doubt; see
    `AttackResult.exceeds`. ``weak_groups``
    are those over a single field, which the agreement allows all the same; ``undiffused`` those
    that are plain filters. ``own_rows_attacked`` is False where the extract is too small for it.
    """

    scheme: str
    scheme_digest: str
    limit: float
    samples: tuple[SampleSize, ...]
    measures: tuple[Measure, ...]
    attacks: tuple[AttackResult, ...]
    weak_groups: tuple[str, ...]
    undiffused: tuple[str, ...]
    own_rows_attacked: bool
    seconds: float

    @property
    def failed(self) -> tuple[AttackResult, ...]:
        """The attacks over the limit, the worst first."""
        over = [result for result in self.attacks if result.exceeds(self.limit)]
        return tuple(sorted(over, key=lambda result: -result.excess))

    @property
    def passed(self) -> bool:
        """Whether every attack stayed within the limit."""
        return not self.failed

    @property
    def worst(self) -> AttackResult | None:
        """The attack that recovered most above its baseline; None where nothing was attacked."""
        return max(self.attacks, key=lambda result: result.excess, default=None)
