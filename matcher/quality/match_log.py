"""The match log: the links of a run, filtered and cut into pages. Only pseudonyms leave here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linkage.errors import InputError, MissingError
from linkage.patterns import NULL
from matcher.quality.kept import CODE_BYTES, KeptRun
from matcher.quality.shown import PAGE, LinkPage, LinkRow, Wanted
from matcher.runs.report.fates import Fate

LEAST_DIGITS = 6
"""How many digits of a pseudonym it takes to look for it."""
_DIGITS = 2 * CODE_BYTES


def page_of_links(run: KeptRun, wanted: Wanted, page: int = 1) -> LinkPage:
    """Return a page of the links that are wanted; the last for a page beyond it.

    Raises `InputError` for agencies that the run hasn't got, and for what is no pseudonym.
    """
    chosen = _chosen(run, wanted)
    pages = max(-(-len(chosen) // PAGE), 1)
    page = min(max(page, 1), pages)
    if wanted.weakest_first:
        chosen = chosen[::-1]
    shown = chosen[(page - 1) * PAGE : page * PAGE]
    rows = tuple(link_row(run, int(at)) for at in shown)
    groups = tuple(group.name for group in run.about.groups)
    return LinkPage(rows, len(chosen), page, pages, run.about.agencies, groups)


def link_row(run: KeptRun, at: int) -> LinkRow:
    """Return the link at a place as it may be shown."""
    link, names = run.links[at], run.about.agencies
    one, other = link["agencies"].tolist()
    return LinkRow(
        run.name(at),
        run.clusters(at),
        (names[one], names[other]),
        float(link["probability"]),
        float(link["weight"]),
        tuple(None if level == NULL else level for level in link["levels"].tolist()),
        fate_of(run, at),
    )


def find_link(run: KeptRun, name: str) -> int:
    """Return the place of the link with a name; raises `MissingError`."""
    is_name = len(name) == _DIGITS and _is_hex(name)
    at = run.find(name) if is_name else None
    if at is None:
        raise MissingError("The run has no such link; open the match log again.")
    return at


def fate_of(run: KeptRun, at: int) -> Fate:
    """Say what became of the link at a place.

    Without its own probability a link that is linked at all counts as linked by itself.
    """
    link = run.links[at]
    if link["probability"] < run.about.link:
        return Fate.FOR_REVIEW
    # Not a number is less than nothing.
    return Fate.THROUGH_OTHERS if link["own"] < run.about.link else Fate.LINKED


def _chosen(run: KeptRun, wanted: Wanted) -> NDArray[np.int64]:
    links = run.links
    kept = np.ones(len(links), np.bool_)
    for values, (low, high) in (
        (links["probability"], wanted.probability),
        (links["weight"], wanted.weight),
    ):
        if low is not None:
            kept &= values >= low
        if high is not None:
            kept &= values <= high
    if wanted.agencies is not None:
        kept &= _between(run, wanted.agencies)
    if wanted.cluster is not None:
        first, last = _clusters(wanted.cluster)
        ends = links["clusters"]
        kept &= ((ends >= first) & (ends <= last)).any(axis=1)
    return np.flatnonzero(kept)


def _between(run: KeptRun, agencies: tuple[str, str]) -> NDArray[np.bool_]:
    names = run.about.agencies
    if unknown := [name for name in agencies if name not in names]:
        raise InputError(f"{unknown[0][:64]!r} is no agency of this run.")
    a, b = (names.index(name) for name in agencies)
    one, other = run.links["agencies"].T
    found: NDArray[np.bool_] = ((one == a) & (other == b)) | ((one == b) & (other == a))
    return found


def _clusters(beginning: str) -> tuple[np.bytes_, np.bytes_]:
    """Return the first and the last pseudonym that begin so."""
    text = beginning.strip().lower()
    if not (LEAST_DIGITS <= len(text) <= _DIGITS and _is_hex(text)):
        raise InputError(
            f"A cluster goes by its pseudonym: {LEAST_DIGITS} to {_DIGITS} of the digits 0 to 9 "
            "and a to f."
        )
    low, high = (np.bytes_(bytes.fromhex(text.ljust(_DIGITS, digit))) for digit in "0f")
    return low, high


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)
