"""Errors of one field: RMSE, MAE, bias, relative RMSE, errors of horizontal differences."""

from __future__ import annotations

import numpy as np

from mindcast.evaluation.downscale.base import LevelEntry, mean_entry, root_entry
from mindcast.evaluation.downscale.target import Target, both
from mindcast.evaluation.means import RunningMean, mean_of_defined, ratio


class PointErrors:
    """With e = prediction - truth in K: "rmse" (means first, root last), "mae" and "bias"."""

    def __init__(self, levels: int) -> None:
        self.square, self.absolute, self.signed = (RunningMean(levels) for _ in range(3))

    def update(self, field: np.ndarray, target: Target) -> None:
        """Add fields (N, Z, H, W)."""
        error = field - target.field
        self.square.add(np.square(error), target.points)
        self.absolute.add(np.abs(error), target.points)
        self.signed.add(error, target.points)

    def result(self) -> list[LevelEntry]:
        """Three entries."""
        return [
            root_entry("rmse", "K", self.square),
            mean_entry("mae", "K", self.absolute),
            mean_entry("bias", "K", self.signed),
        ]


class RelativeError:
    """ "relative_rmse": mean over cases of |e| / |truth|, Euclidean norms over a case's points.

    What `mindearth.core.RelativeRMSELoss` computes, here without MindSpore and in float64; with
    weights the norms are weighted. Small by nature, as |truth| is some 250 K at every point.
    """

    def __init__(self, levels: int) -> None:
        self.of_levels, self.whole = RunningMean(levels), RunningMean(1)

    def update(self, field: np.ndarray, target: Target) -> None:
        """Add fields (N, Z, H, W)."""
        weight = target.points
        defined = (weight.sum(axis=(2, 3)) > 0).astype(float)
        error, truth = (
            np.where(weight > 0, weight * np.square(values), 0).sum(axis=(2, 3))
            for values in (field - target.field, target.field)
        )
        self.of_levels.add(np.sqrt(ratio(error, truth)), defined)
        error, truth = (values.sum(axis=1, keepdims=True) for values in (error, truth))
        self.whole.add(np.sqrt(ratio(error, truth)), defined.max(axis=1, keepdims=True))

    def result(self) -> list[LevelEntry]:
        """One entry; its overall value is that of whole cases, not a mean over levels."""
        values = tuple(self.of_levels.each.tolist())
        return [LevelEntry("relative_rmse", "1", self.whole.mean_of_each, values)]


class GradientError:
    """ "gradient_mae": mean |e[i + 1] - e[i]| along rows and along columns, their mean, in K.

    Per grid step, without the grid's metric: the form of the gradient loss.
    """

    def __init__(self, levels: int) -> None:
        self.along_x, self.along_y = RunningMean(levels), RunningMean(levels)

    def update(self, field: np.ndarray, target: Target) -> None:
        """Add fields (N, Z, H, W)."""
        error, points = field - target.field, target.points
        self.along_x.add(np.abs(np.diff(error, axis=3)), both(points[..., 1:], points[..., :-1]))
        self.along_y.add(np.abs(np.diff(error, axis=2)), both(points[:, :, 1:], points[:, :, :-1]))

    def result(self) -> list[LevelEntry]:
        """One entry."""
        values = (self.along_x.each + self.along_y.each) / 2
        overall = mean_of_defined(values, (self.along_x.weight * self.along_y.weight) > 0)
        return [LevelEntry("gradient_mae", "K", overall, tuple(values.tolist()))]
