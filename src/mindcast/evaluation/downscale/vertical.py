"""What a field makes of the column: static stability, thickness, likeness of adjacent levels.

All of it between two adjacent levels; a pair counts at a point only if both lie above ground.
"""

from __future__ import annotations

import numpy as np

from mindcast.evaluation.downscale.base import (
    LAYER,
    LevelEntry,
    mean_entry,
    root_entry,
    share_entry,
)
from mindcast.evaluation.downscale.target import Target
from mindcast.evaluation.means import RunningMean, ratio
from mindcast.physics.vertical import along_levels, pair_stability, thickness


class StaticStability:
    """Pairs of levels with N < 0: "unstable_share" and "instability" = mean max(0, -N) in K.

    N = (theta[k + 1] - theta[k]) / ln(p[k] / p[k + 1]), theta the potential temperature. The same
    of the truth under "_truth": real columns have unstable layers too, some percent near the
    ground, so the truth's share is the number to meet, not 0. Over all layers: over all pairs.
    """

    def __init__(self, pressure: np.ndarray) -> None:
        self.n_of = pair_stability(pressure)
        layers = len(self.n_of)
        self.share = {"": RunningMean(layers), "_truth": RunningMean(layers)}
        self.excess = {"": RunningMean(layers), "_truth": RunningMean(layers)}

    def update(self, field: np.ndarray, target: Target) -> None:
        """Add fields (N, Z, H, W)."""
        for suffix, temperature in (("", field), ("_truth", target.field)):
            n = along_levels(self.n_of, target.above_ground(temperature))
            unstable = np.where(np.isnan(n), np.nan, n < 0)
            self.share[suffix].add(unstable, target.layers)
            self.excess[suffix].add(np.maximum(0, -n), target.layers)

    def result(self) -> list[LevelEntry]:
        """Four entries."""
        return [
            share_entry(f"{name}{suffix}", unit, mean, LAYER)
            for name, unit, means in (
                ("unstable_share", "1", self.share),
                ("instability", "K", self.excess),
            )
            for suffix, mean in means.items()
        ]


class ThicknessError:
    """ "thickness_rmse": error in m of the height between two levels, by the hypsometric equation.

    d = (R_d / g) (e[k] + e[k + 1]) / 2 ln(p[k] / p[k + 1]), e = prediction - truth.
    """

    def __init__(self, pressure: np.ndarray) -> None:
        self.metres_of = thickness(pressure)
        self.square = RunningMean(len(self.metres_of))

    def update(self, field: np.ndarray, target: Target) -> None:
        """Add fields (N, Z, H, W)."""
        metres = along_levels(self.metres_of, target.above_ground(field - target.field))
        self.square.add(np.square(metres), target.layers)

    def result(self) -> list[LevelEntry]:
        """One entry."""
        return [root_entry("thickness_rmse", "m", self.square, LAYER)]


class LevelCorrelation:
    """ "correlation" of adjacent levels over a case's points, "correlation_truth", and
    "correlation_rmse", the root mean square over cases of their difference.

    rho = sum b[k] b[k + 1] / sqrt(V[k] V[k + 1]), b the temperature less its mean over the points
    of the pair, V = sum b^2 + 1e-6 K^2 for each of them. Cases without a point count nowhere.
    """

    def __init__(self, levels: int) -> None:
        self.field, self.truth, self.square = (RunningMean(levels - 1) for _ in range(3))

    def update(self, field: np.ndarray, target: Target) -> None:
        """Add fields (N, Z, H, W)."""
        weight = target.layers
        counted = (weight.sum(axis=(2, 3)) > 0).astype(float)
        rho, rho_truth = (correlation(values, weight) for values in (field, target.field))
        self.field.add(rho, counted)
        self.truth.add(rho_truth, counted)
        self.square.add(np.square(rho - rho_truth), counted)

    def result(self) -> list[LevelEntry]:
        """Three entries."""
        return [
            mean_entry("correlation", "1", self.field, LAYER),
            mean_entry("correlation_truth", "1", self.truth, LAYER),
            root_entry("correlation_rmse", "1", self.square, LAYER),
        ]


def correlation(field: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """rho of `LevelCorrelation` of (N, Z, H, W) with the pairs' weights: (N, Z - 1)."""
    lower, upper = (_centred(part, weight) for part in (field[:, :-1], field[:, 1:]))
    floor = 1e-6 * weight.sum(axis=(2, 3))
    variances = [(weight * np.square(part)).sum(axis=(2, 3)) + floor for part in (lower, upper)]
    covariance = (weight * lower * upper).sum(axis=(2, 3))
    return ratio(covariance, np.sqrt(variances[0] * variances[1]))


def _centred(part: np.ndarray, weight: np.ndarray) -> np.ndarray:
    part = np.where(weight > 0, part, 0)
    mean = ratio((weight * part).sum(axis=(2, 3)), weight.sum(axis=(2, 3)))
    return np.where(weight > 0, part - mean[..., None, None], 0)
