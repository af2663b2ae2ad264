"""Known pairs of record and encoding teach the rest.

The model is ridge regression from plain records to bits in its kernel form: two records' bits
agree as far as the attacker expects them to, so that the expected agreement *is* the kernel, and
no features have to be chosen. Predicted bits are compared with all encodings, matched one to one,
and the matching is refined with the known pairs held fast.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hashing.risk.attacks.alignment import assign_quickly, forbidden, refine
from hashing.risk.view import GroupView, Matrix, Sight

_RIDGE = 0.05


def align(
    sight: Sight, groups: Sequence[int], known: NDArray[np.intp], rounds: int
) -> NDArray[np.intp]:
    """Return the encoding that each record is taken for; ``known`` records are given theirs."""
    views = [sight.views[g] for g in groups]
    score = forbidden(sight, groups)
    encodings = sight.answer[known]
    for view in views:
        score += view.length * _predicted(view, known, encodings)
    score[known, :] = -1e9
    score[:, encodings] = -1e9
    score[known, encodings] = 1e9
    start = assign_quickly(score)
    return refine(views, start, forbidden(sight, groups), rounds, fixed=known)


def _predicted(view: GroupView, known: NDArray[np.intp], encodings: NDArray[np.intp]) -> Matrix:
    """Return (n, n) how far the bits predicted for record i agree with encoding u."""
    kernel = view.kernel[np.ix_(known, known)] + _RIDGE * np.eye(len(known), dtype=np.float32)
    if view.plain:
        return _centred(view.expected[:, known]) @ _centred(view.observed[encodings])
    weights = np.linalg.solve(kernel, view.kernel[:, known].T).T
    scores = weights @ view.observed[encodings]
    # A prediction that is hardly more than noise should not be held against a record.
    certainty = np.sqrt((weights * (weights @ kernel)).sum(1, keepdims=True)) + np.float32(0.1)
    return np.asarray(scores / certainty, np.float32)


def _centred(matrix: Matrix) -> Matrix:
    return np.asarray(matrix - matrix.mean(), np.float32)
