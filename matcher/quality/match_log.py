"""The match log: the links of a run, filtered and cut into pages. Only pseudonyms leave here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkage.errors import InputError, MissingError
from linkage.patterns import NULL
from matcher.quality.columns import RunLinks
from matcher.quality.loading import LoadedRun
from matcher.quality.shown import PAGE, Fate, LinkPage, LinkRow, Wanted

LEAST_DIGITS = 6
"""How many digits of a pseudonym it takes to look for it."""
_DIGITS = 32


def page_of_links(run: LoadedRun, wanted: Wanted, page: int = 1) -> LinkPage:
    """Return a page of the links that are wanted; the last for a page beyond it.

    Raises `InputError` for agencies that the run hasn't got, and for what is no pseudonym.
    """
    chosen = _chosen(run.records, wanted)
    pages = max(-(-len(chosen) // PAGE), 1)
    page = min(max(page, 1), pages)
    if wanted.weakest_first:
        chosen = chosen[::-1]
    shown = chosen[(page - 1) * PAGE : page * PAGE]
    rows = tuple(link_row(run, int(at)) for at in shown)
    groups = tuple(comparison.name for comparison in run.linkage.model.comparisons)
    return LinkPage(rows, len(chosen), page, pages, run.records.sources.names, groups)


def link_row(run: LoadedRun, at: int) -> LinkRow:
    """Return the link at a place as it may be shown."""
    records, names = run.records, run.records.sources.names
    one, other = (int(ends[at]) for ends in records.ends)
    a, b = (int(agency[at]) for agency in records.agencies)
    levels = records.links.levels[at].tolist()
    return LinkRow(
        records.name(at),
        tuple(dict.fromkeys(map(records.clusters.name, (one, other)))),
        (names[a], names[b]),
        float(records.links.probability[at]),
        float(records.links.weight[at]),
        tuple(None if level == NULL else level for level in levels),
        fate_of(run, at),
    )


def find_link(run: LoadedRun, name: str) -> int:
    """Return the place of the link with a name; raises `MissingError`."""
    is_name = len(name) == _DIGITS and _is_hex(name)
    at = run.records.find(name) if is_name else None
    if at is None:
        raise MissingError("The run has no such link; open the match log again.")
    return at


def fate_of(run: LoadedRun, at: int) -> Fate:
    """Say what became of the link at a place.

    Without its own probability a link that is linked at all counts as linked by itself.
    """
    records, link = run.records, run.rules.link
    if records.links.probability[at] < link:
        return Fate.FOR_REVIEW
    if records.weighed is not None and records.weighed.own[at] < link:
        return Fate.THROUGH_OTHERS
    return Fate.LINKED


def _chosen(records: RunLinks, wanted: Wanted) -> NDArray[np.int64]:
    links = records.links
    kept = np.ones(len(links), np.bool_)
    for values, (low, high) in (
        (links.probability, wanted.probability),
        (links.weight, wanted.weight),
    ):
        if low is not None:
            kept &= values >= low
        if high is not None:
            kept &= values <= high
    if wanted.agencies is not None:
        kept &= _between(records, wanted.agencies)
    if wanted.cluster is not None:
        first, end = _clusters(records, wanted.cluster)
        kept &= _or(*((ends >= first) & (ends < end) for ends in records.ends))
    return np.flatnonzero(kept)


def _between(records: RunLinks, agencies: tuple[str, str]) -> NDArray[np.bool_]:
    names = records.sources.names
    if unknown := [name for name in agencies if name not in names]:
        raise InputError(f"{unknown[0][:64]!r} is no agency of this run.")
    a, b = (names.index(name) for name in agencies)
    one, other = records.agencies
    return _or((one == a) & (other == b), (one == b) & (other == a))


def _or(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return one | other


def _clusters(records: RunLinks, beginning: str) -> tuple[int, int]:
    """Return the numbers of the clusters whose pseudonyms begin so, the end excluded."""
    text = beginning.strip().lower()
    if not (LEAST_DIGITS <= len(text) <= _DIGITS and _is_hex(text)):
        raise InputError(
            f"A cluster goes by its pseudonym: {LEAST_DIGITS} to {_DIGITS} of the digits 0 to 9 "
            "and a to f."
        )
    found = records.clusters.pseudonyms
    limits = [bytes.fromhex(text.ljust(_DIGITS, digit)) for digit in "0f"]
    low, high = np.array(limits, found.dtype)
    return (
        int(np.searchsorted(found, low)),
        int(np.searchsorted(found, high, side="right")),
    )


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)
