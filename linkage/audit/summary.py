"""What a log amounts to: the counts that a data protection officer asks for first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from linkage.audit.events import Event
from linkage.audit.kinds import VERBS


@dataclass(frozen=True)
class Summary:
    """How many events, of which kind, by whom and when.

    ``by_verb`` has every verb, also those that never occurred; ``by_kind`` and ``by_party`` have
    those that occurred, in alphabetical order. ``first`` and ``last`` are the earliest and the
    latest time of an event. ``backdated`` events carry a time before that of an event ahead of
    them.
    """

    events: int
    first: datetime | None
    last: datetime | None
    backdated: int
    withheld: int
    by_verb: dict[str, int]
    by_kind: dict[str, int]
    by_party: dict[str, int]


class Tally:
    """Counts events as they pass."""

    def __init__(self) -> None:
        self._verbs: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._parties: Counter[str] = Counter()
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._backdated = 0
        self._withheld = 0

    def add(self, event: Event) -> None:
        """Count one event."""
        self._verbs[event.verb] += 1
        self._kinds[event.kind] += 1
        self._parties[event.party] += 1
        self._withheld += event.withheld
        if self._first is None or event.at < self._first:
            self._first = event.at
        if self._last is not None and event.at < self._last:
            self._backdated += 1
        else:
            self._last = event.at

    def summary(self) -> Summary:
        """Return the counts so far."""
        return Summary(
            events=self._verbs.total(),
            first=self._first,
            last=self._last,
            backdated=self._backdated,
            withheld=self._withheld,
            by_verb={verb: self._verbs[verb] for verb in VERBS},
            by_kind=dict(sorted(self._kinds.items())),
            by_party=dict(sorted(self._parties.items())),
        )
