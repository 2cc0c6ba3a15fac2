"""The continuous ranked probability score of an ensemble, point by point."""

from __future__ import annotations

import numpy as np


def crps(ensemble: np.ndarray, truth: np.ndarray, fair: bool = True) -> np.ndarray:
    """CRPS of (N, M, ...) against (N, ...), float64 of the truth's shape, best 0.

    Definition E|X - y| - 1/2 E|X - X'| with X, X' drawn independently from the forecast; here over
    M members: mean |X_i - y| - s / (2 d), s the sum of |X_i - X_j| over all pairs. The fair
    estimator has d = M (M - 1), unbiased for the distribution behind the members (Ferro 2014); the
    plain one, d = M^2, scores the M members as they are and falls as M grows. Compare only values
    of one kind and, if plain, of one M. For M = 1 both are |X - y|.
    """
    members = ensemble.shape[1]
    ordered = np.sort(ensemble, axis=1).astype(np.float64)
    error = np.abs(ordered - truth[:, None]).mean(axis=1)
    if members == 1:
        return error
    # sorted, x_(i) enters s twice with (i - 1) plus and (M - i) minus signs, i = 1..M
    signs = 2.0 * np.arange(1, members + 1) - members - 1
    half_sum = np.tensordot(ordered, signs, axes=(1, 0))
    return error - half_sum / (members * (members - 1 if fair else members))
