"""Similarity-graph matching, without a single known pair.

After Vidanage et al., A graph matching attack on privacy-preserving record linkage (CIKM 2020),
and Schäfer et al. (2024): records and encodings are nodes, their agreement weighs the edges. Every
node is described by its edges, by its neighbours' descriptions and by the leading eigenvectors;
the closest descriptions are aligned one to one; the alignment is then refined until every edge
fits. Edges here carry one weight per group, and refinement uses them all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hashing.risk.attacks.alignment import assign, forbidden, match_profiles, refine
from hashing.risk.view import GroupView, Matrix, Sight

_FAINT, _STRONG = 0.2, 0.6
_EIGENVECTORS = 48
_STEPS = 5
_CUTS = (1, 2, 4, 8, 16, 32, 48)
_WIDTH = 160  # numbers in a description that is handed to neighbours

Profile = NDArray[np.float64]


class GraphAttack:
    """Descriptions of single groups are worked out once and used for every choice of groups."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight
        self._own: dict[int, tuple[Profile, Profile, Profile]] = {}

    def align(self, groups: Sequence[int], rounds: int) -> NDArray[np.intp]:
        """Return the encoding that each record is taken for, from the given groups."""
        views = [self._sight.views[g] for g in groups]
        listed, simulated, observed = (
            _with_neighbours(
                np.concatenate([self._descriptions(g)[side] for g in groups], axis=1),
                [_edges(view)[side] for view in views],
            )
            for side in range(3)
        )
        penalty = forbidden(self._sight, groups)
        start = assign(match_profiles(listed, simulated, observed) + penalty)
        return refine(views, start, penalty, rounds)

    def _descriptions(self, group: int) -> tuple[Profile, Profile, Profile]:
        if group not in self._own:
            expected, simulated, observed = _edges(self._sight.views[group])
            self._own[group] = _describe(expected), _describe(simulated), _describe(observed)
        return self._own[group]


def _edges(view: GroupView) -> tuple[Matrix, Matrix, Matrix]:
    return view.expected, view.simulated, view.observed


def _describe(edges: Matrix) -> Profile:
    """Describe each node by its edges' number, strength and spectrum, float64 (n, properties)."""
    faint, strong = _thinned(edges)
    degrees = [faint.sum(1), (faint**2).sum(1), strong.sum(1), edges.sum(1), (edges**2).sum(1)]
    values, vectors = _leading(edges)
    energy = vectors**2 * np.abs(values)
    spectral = [energy[:, :cut].sum(1) for cut in _CUTS]
    # Free of the eigenvectors' arbitrary signs.
    level = vectors * vectors.sum(0)
    spectral += [level[:, :cut].sum(1) for cut in _CUTS]
    return _squeezed(np.stack([*degrees, *spectral], axis=1))


def _leading(edges: Matrix) -> tuple[Profile, Profile]:
    """Return the leading eigenvalues and eigenvectors by subspace iteration (Halko et al. 2011)."""
    count = min(_EIGENVECTORS, len(edges) // 2)
    start = np.random.default_rng(1).standard_normal((len(edges), 2 * count)).astype(np.float32)
    basis = start
    for _ in range(_STEPS):
        basis = _orthonormal(edges @ basis)
    values, turned = np.linalg.eigh((basis.T @ (edges @ basis)).astype(np.float64))
    order = np.argsort(-np.abs(values))[:count]
    return values[order], basis.astype(np.float64) @ turned[:, order]


def _orthonormal(columns: Matrix) -> Matrix:
    """Return a basis of the columns' span, by Cholesky: many times faster than a QR here."""
    gram = (columns.T @ columns).astype(np.float64)
    gram += np.eye(len(gram)) * (1e-5 * np.trace(gram) / len(gram) + 1e-12)
    try:
        factor = np.linalg.cholesky(gram)
    except np.linalg.LinAlgError:  # nearly parallel columns, as of a graph with hardly an edge
        return np.linalg.qr(columns)[0]
    return np.linalg.solve(factor, columns.T.astype(np.float64)).T.astype(np.float32)


def _with_neighbours(own: Profile, layers: Sequence[Matrix]) -> Profile:
    """Add what neighbours, and theirs, are like: two rounds over every group's edges."""
    sparse = [thin for edges in layers for thin in _thinned(edges)]
    projection = np.random.default_rng(1)  # the same for both sides, and no secret
    levels, current = [own], own
    for _ in range(2):
        spread = np.concatenate([thin @ current.astype(np.float32) for thin in sparse], axis=1)
        if spread.shape[1] > _WIDTH:
            mix = projection.standard_normal((spread.shape[1], _WIDTH)).astype(np.float32)
            spread = spread @ mix / np.float32(np.sqrt(_WIDTH))
        current = _squeezed(spread.astype(np.float64))
        levels.append(current)
    return np.concatenate(levels, axis=1)


def _thinned(edges: Matrix) -> tuple[Matrix, Matrix]:
    """Return the edges that stand out of the noise, weighted, and the strong ones, counted."""
    return np.where(edges > _FAINT, edges, np.float32(0)), (edges > _STRONG).astype(np.float32)


def _squeezed(profile: Profile) -> Profile:
    return np.asarray(np.sign(profile) * np.log1p(np.abs(profile)), np.float64)
