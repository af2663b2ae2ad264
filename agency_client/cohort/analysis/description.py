"""What ``cohort.json`` says of a cohort, as far as analysis and release need it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agency_client.cohort.tables import COHORT_FILE, FORMAT
from linkage.errors import InputError


@dataclass(frozen=True)
class PairEstimate:
    """The estimated recall of the links between two agencies, with its 95% interval if known.

    Without ``counts_unseen`` matches that no comparison shows aren't counted, so that it is an
    upper limit.
    """

    agencies: frozenset[str]
    recall: float
    interval: tuple[float, float] | None
    counts_unseen: bool = True


@dataclass(frozen=True)
class Description:
    """A cohort's own account of itself.

    ``agencies`` are all that were linked, ``with_payload`` those that sent this analyst payload.
    Counts under ``least_cell`` people are withheld, all others rounded to ``rounding``.
    ``digests`` has the SHA-256 of each file, in hex.
    """

    id: str
    agencies: tuple[str, ...]
    with_payload: tuple[str, ...]
    estimates: tuple[PairEstimate, ...]
    least_cell: int
    rounding: int
    digests: Mapping[str, str]

    def recall(self, one: str, other: str) -> PairEstimate | None:
        """Return the estimate of a pair of agencies, in any order, if there is one."""
        pair = frozenset({one, other})
        return next((own for own in self.estimates if own.agencies == pair), None)


def parse_description(text: str) -> Description:
    """Return what the text of ``cohort.json`` says; raise `InputError` where it is another."""
    try:
        said = json.loads(text)
        if said["format"] != FORMAT:
            raise InputError(
                f"{COHORT_FILE} is of the format {str(said['format'])[:40]!r}, and this program "
                f"reads {FORMAT}; pull the cohort with the program that reads it."
            )
        return _described(said)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(
            f"{COHORT_FILE} isn't the description of a cohort; pull the cohort again with "
            "'agency-client cohort pull'."
        ) from None


def _described(said: Mapping[str, Any]) -> Description:
    agencies = said["agencies"]
    with_payload = tuple(sorted(map(str, agencies["with_payload"])))
    return Description(
        id=str(said["id"]),
        agencies=tuple(sorted({*with_payload, *map(str, agencies["without_payload"])})),
        with_payload=with_payload,
        estimates=tuple(_estimate(one) for one in said["estimates"]),
        least_cell=int(said["outputs"]["least_cell"]),
        rounding=int(said["outputs"]["rounding"]),
        digests={str(name): str(digest) for name, digest in said["digests"].items()},
    )


def _estimate(said: Mapping[str, Any]) -> PairEstimate:
    both = said["intervals"]["recall"]
    return PairEstimate(
        agencies=frozenset({str(said["agency_a"]), str(said["agency_b"])}),
        recall=float(said["recall"]),
        interval=None if both is None else (float(both[0]), float(both[1])),
        counts_unseen=bool(said["counts_unseen"]),
    )
