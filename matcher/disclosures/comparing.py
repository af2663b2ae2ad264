"""What became of disclosed clusters in a later run: split, merged with others, or partly erased."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matcher.disclosures.clusters import Record, RunClusters

SPLIT, MERGED, ERASED = "split", "merged", "erased"


@dataclass(frozen=True)
class Fate:
    """What became of a disclosed cluster: how it changed, and the new clusters of its records."""

    changes: frozenset[str]
    parts: tuple[int, ...]


class Comparison:
    """What became of clusters, by the names of ``held``, from an old run to a new one.

    Where an agency has encoded anew, its old records are in no new run, and say nothing. Without
    the ``old`` run nobody can tell a merger.
    """

    def __init__(
        self,
        held: Mapping[str, set[Record]],
        old: RunClusters | None,
        new: RunClusters,
        erased: set[Record],
    ) -> None:
        self._held = held
        self._old = old
        self._erased = erased
        self._new_of = new.locate(set().union(*held.values()))
        self._records_of = {part: _records(new, part) for part in set(self._new_of.values())}
        together = set().union(*self._records_of.values())
        self._old_of = old.locate(together) if old is not None else {}

    def fates(self) -> dict[str, Fate]:
        """Return what became of those clusters that aren't what they were."""
        fates = {name: self._fate(records) for name, records in self._held.items()}
        return {name: fate for name, fate in fates.items() if fate.changes}

    def _fate(self, records: set[Record]) -> Fate:
        parts = {self._new_of[record] for record in records if record in self._new_of}
        changes = {
            SPLIT: len(parts) > 1,
            MERGED: any(self._holds_others(part, records) for part in parts),
            ERASED: not records.isdisjoint(self._erased),
        }
        shown = frozenset(change for change, happened in changes.items() if happened)
        return Fate(shown, tuple(sorted(parts)))

    def _holds_others(self, part: int, records: set[Record]) -> bool:
        """Whether a new cluster holds records of another old cluster that had two or more.

        A record that was alone before, or is new, as that of an agency which has joined, only adds
        to what is known of a person.
        """
        held = self._records_of[part]
        own = {self._old_of.get(record) for record in held & records}
        others = {self._old_of.get(record) for record in held - records} - own - {None}
        return any(
            self._old is not None and other is not None and self._old.size(other) > 1
            for other in others
        )


def _records(clusters: RunClusters, cluster: int) -> set[Record]:
    held = clusters.held(cluster)
    return {(name, token.hex()) for name, tokens in held.items() for token in tokens}
