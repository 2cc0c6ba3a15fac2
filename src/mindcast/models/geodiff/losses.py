"""The terms of the training objective: data and physics, with their values for each sample.

Temperatures are reduced, T - 250 K. e = T_predicted - T_truth in K, e~ = e / s with the level's
standard deviation s. Every term comes as (sums, counts), each (N,), so that a mean over the batch
(`over_batch`) and one for each sample (`over_samples`) are taken from the same numbers. All
arithmetic is float32.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.layers.broadcast import multiply
from mindcast.models.geodiff.settings import LossSettings
from mindcast.models.geodiff.upsampling import SHIFT_K
from mindcast.physics.constants import GAS_CONSTANT, GRAVITY
from mindcast.physics.vertical import layer_depths, theta_factor

THETA_SCALE_K = 10.0
THICKNESS_SCALE_M = 10.0
VARIANCE_FLOOR = 1e-6  # K^2, for each point of a level
Term = tuple[Tensor, Tensor]
PHYSICS = ("static", "gradient", "thickness", "correlation")
TERMS = ("charbonnier", *PHYSICS)


class LossTerms(nn.Cell):
    """The five terms, in the order of `TERMS`."""

    def __init__(self, levels_hpa: Sequence[float], settings: LossSettings) -> None:
        super().__init__()
        pressure = np.asarray(levels_hpa, np.float64) * 100
        depths = layer_depths(pressure)
        self.theta = _levels(theta_factor(pressure))
        self.theta_of_shift = _levels(SHIFT_K * np.diff(theta_factor(pressure)))
        self.depth = _levels(depths)
        self.relative_depth = _levels(depths / depths.mean())
        self.thickness_of_kelvin = _levels(GAS_CONSTANT / GRAVITY * depths / 2)
        self.delta, self.whole_norm = settings.delta, settings.charbonnier == "norm"
        self.vertical = settings.vertical
        self.weights = tuple(getattr(settings, name) for name in PHYSICS)

    def construct(
        self,
        predicted: Tensor,
        truth: Tensor,
        std: Tensor,
        above_ground: Tensor,
        area: Tensor,
    ) -> tuple[Term, ...]:
        """predicted, truth (N, Z, H, W), reduced; std (Z,) K; above_ground (N, Z, H, W) 1 or 0;
        area (N, 1, H, W) or (1, 1, 1, 1), weights with mean 1."""
        error = predicted - truth
        scaled = multiply(error, ops.reciprocal(std.reshape(1, -1, 1, 1)))
        pairs = above_ground[:, 1:] * above_ground[:, :-1]
        bound = ops.minimum(self.stability(truth), 0.0)
        return (
            self.charbonnier(scaled, area),
            self.static(predicted, bound, pairs, area),
            self.gradient(scaled, area),
            self.thickness(error, pairs, area),
            self.correlation(predicted, truth),
        )

    def physics_total(self, values: Sequence[Tensor]) -> Tensor:
        """sum_i w_i J_i of the four physics values."""
        total = values[0] * self.weights[0]
        for i in range(1, len(self.weights)):
            total = total + values[i] * self.weights[i]
        return total

    def charbonnier(self, scaled: Tensor, area: Tensor) -> Term:
        """sqrt(e~^2 + delta^2), of every element or (`norm`) of the sample's whole error."""
        square = scaled * scaled
        elements = scaled.shape[1] * scaled.shape[2] * scaled.shape[3]
        if self.whole_norm:
            norm = ops.sqrt(_sum(square * area) + self.delta**2)
            return norm / elements**0.5, ops.ones_like(norm)
        total = _sum(ops.sqrt(square + self.delta**2) * area)
        return total, ops.ones_like(total) * float(elements)

    def stability(self, temperature: Tensor) -> Tensor:
        """N_k = (theta_{k+1} - theta_k) / ln(p_k / p_{k+1}), (N, Z-1, H, W), K."""
        theta = temperature * self.theta
        return (theta[:, 1:] - theta[:, :-1] + self.theta_of_shift) / self.depth

    def static(self, predicted: Tensor, bound: Tensor, pairs: Tensor, area: Tensor) -> Term:
        """How far N falls below `bound` (N, Z-1, H, W), which is 0 where the truth is stable."""
        excess = ops.relu(bound - self.stability(predicted)) / THETA_SCALE_K
        return _sum(excess * pairs * area), _sum(pairs)

    def unstable(self, predicted: Tensor, above_ground: Tensor) -> Term:
        """The pairs of levels whose theta falls upwards, to be looked at: it has no gradient."""
        pairs = above_ground[:, 1:] * above_ground[:, :-1]
        falls = (self.stability(predicted) < 0).astype(predicted.dtype)
        return _sum(falls * pairs), _sum(pairs)

    def gradient(self, scaled: Tensor, area: Tensor) -> Term:
        """Mean absolute differences of e~ along x and y, and along z per unit of ln p."""
        along_x = ops.abs(scaled[..., 1:] - scaled[..., :-1])
        along_y = ops.abs(scaled[:, :, 1:] - scaled[:, :, :-1])
        along_z = ops.abs(scaled[:, 1:] - scaled[:, :-1]) / self.relative_depth
        if area.shape[-1] > 1:
            along_x = along_x * ((area[..., 1:] + area[..., :-1]) * 0.5)
            along_y = along_y * ((area[:, :, 1:] + area[:, :, :-1]) * 0.5)
            along_z = along_z * area
        value = (_mean(along_x) + _mean(along_y)) * 0.5 + self.vertical * _mean(along_z)
        return value, ops.ones_like(value)

    def thickness(self, error: Tensor, pairs: Tensor, area: Tensor) -> Term:
        """Error of the depth of the layer between two levels, by the hypsometric equation."""
        metres = (error[:, 1:] + error[:, :-1]) * self.thickness_of_kelvin
        tenths = metres / THICKNESS_SCALE_M
        value = ops.sqrt(tenths * tenths + self.delta**2)
        return _sum(value * pairs * area), _sum(pairs)

    def correlation(self, predicted: Tensor, truth: Tensor) -> Term:
        """Squared error of the correlation between neighbouring levels."""
        error = adjacent_correlation(predicted) - adjacent_correlation(truth)
        value = (error * error).mean(axis=1)
        return value, ops.ones_like(value)


def adjacent_correlation(temperature: Tensor) -> Tensor:
    """rho_k (N, Z-1) between the horizontal deviations of levels k and k+1."""
    n, z, h, w = temperature.shape
    rows = temperature.reshape(n, z, h * w)
    rows = rows - rows.mean(axis=2, keep_dims=True)
    variance = (rows * rows).sum(axis=2) + VARIANCE_FLOOR * h * w
    products = (rows[:, 1:] * rows[:, :-1]).sum(axis=2)
    return products / ops.sqrt(variance[:, 1:] * variance[:, :-1])


def over_batch(term: Term) -> Tensor:
    """Mean over all that counts in the batch."""
    return term[0].sum() / ops.maximum(term[1].sum(), 1.0)


def over_samples(term: Term) -> Tensor:
    """(N,) mean over all that counts in each sample."""
    return term[0] / ops.maximum(term[1], 1.0)


def _levels(values: np.ndarray) -> Tensor:
    return Tensor(np.asarray(values, np.float32).reshape(1, -1, 1, 1))


def _sum(x: Tensor) -> Tensor:
    """(N, Z, H, W) -> (N,), level by level: shorter sums round less."""
    return x.reshape(*x.shape[:2], -1).sum(axis=2).sum(axis=1)


def _mean(x: Tensor) -> Tensor:
    return _sum(x) * (1.0 / (x.shape[1] * x.shape[2] * x.shape[3]))
