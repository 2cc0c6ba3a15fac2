"""The six priors on the fine grid, computed on the device in float32.

As `physics.priors`, whose formulas they are. That temperatures are reduced by 250 K cuts the
float32 error of the Laplacian sixteen-fold. Differences along x wrap around in those samples of a
batch whose longitudes close the circle; nothing wraps along y.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.models.geodiff.upsampling import SHIFT_K
from mindcast.physics.constants import SECONDS_PER_DAY
from mindcast.physics.horizontal import H_X, H_Y, PERIODIC, SMALLEST_STEP_M
from mindcast.physics.vertical import static_stability

PER_HPA, PER_100_KM = 100.0, 1e5


class FinePriors(nn.Cell):
    """Priors of a temperature, given winds and metric on the same grid."""

    def __init__(self, levels_hpa: Sequence[float]) -> None:
        super().__init__()
        matrix = static_stability(np.asarray(levels_hpa, np.float64) * 100)
        self.stability = Tensor(matrix.astype(np.float32))
        of_shift = matrix.sum(axis=1).reshape(1, -1, 1, 1) * SHIFT_K
        self.of_shift = Tensor(of_shift.astype(np.float32))

    def construct(self, temperature: Tensor, wind: Tensor, metric: Tensor) -> Tensor:
        """Reduced temperature (N, Z, H, W), wind (N, Z, 3, H, W) in m/s and Pa/s, metric
        (N, H, W, 4), see `samples.DownscaleInput` -> (N, Z, 6, H, W)."""
        n, z, h, w = temperature.shape
        stability = ops.matmul(self.stability, temperature.reshape(n, z, h * w))
        stability = stability.reshape(n, z, h, w) + self.of_shift
        h_x, h_y = metric[..., H_X].reshape(n, 1, h, w), metric[..., H_Y].reshape(n, 1, h, w)
        closed = metric[:, :1, :1, PERIODIC].reshape(n, 1, 1, 1)
        d_dx = _ratio(_along_rows(temperature, closed), h_x, h_x)
        d_dy = _along_rows(temperature.swapaxes(2, 3), ops.zeros_like(closed)).swapaxes(2, 3) / h_y
        advection = -(wind[:, :, 0] * d_dx + wind[:, :, 1] * d_dy)
        fields = (
            advection * SECONDS_PER_DAY,
            wind[:, :, 2] * stability * SECONDS_PER_DAY,
            stability * PER_HPA,
            d_dx * PER_100_KM,
            d_dy * PER_100_KM,
            _laplacian(temperature, h_x, ops.abs(h_y), closed) * PER_100_KM**2,
        )
        return ops.stack(fields, 2)


def _along_rows(f: Tensor, closed: Tensor) -> Tensor:
    """Derivative by the index along the last axis, of second order also at the ends."""
    wide = _wrapped(f)
    left = -1.5 * f[..., :1] + 2.0 * f[..., 1:2] - 0.5 * f[..., 2:3]
    right = 1.5 * f[..., -1:] - 2.0 * f[..., -2:-1] + 0.5 * f[..., -3:-2]
    return _bordered((wide[..., 2:] - wide[..., :-2]) * 0.5, left, right, closed)


def _laplacian(f: Tensor, width: Tensor, height: Tensor, closed: Tensor) -> Tensor:
    """Flux form; the outermost rows, and columns of what is not closed, copy their neighbours."""
    across_x = _flux_difference(_wrapped(f), _wrapped(_ratio(height, width, width)))[:, :, 1:-1]
    across_y = _flux_difference(f.swapaxes(2, 3), (width / height).swapaxes(2, 3)).swapaxes(2, 3)
    inner_width, inner_height = width[:, :, 1:-1], height[:, :, 1:-1]
    # the two lengths one after the other: their product, 1e9, is no trouble, its inverse rounds
    inner = _ratio((across_x + across_y) / inner_height, inner_width, inner_width)
    inner = _bordered(inner, inner[..., 1:2], inner[..., -2:-1], closed)
    return ops.cat((inner[:, :, :1], inner, inner[:, :, -1:]), 2)


def _wrapped(f: Tensor) -> Tensor:
    """With the last column before the first, and the first after the last."""
    return ops.cat((f[..., -1:], f, f[..., :1]), -1)


def _bordered(f: Tensor, left: Tensor, right: Tensor, closed: Tensor) -> Tensor:
    """`left` and `right` for the outermost columns, unless closed (N, 1, 1, 1) is 1, not 0."""
    first = f[..., :1] * closed + left * (1 - closed)
    last = f[..., -1:] * closed + right * (1 - closed)
    return ops.cat((first, f[..., 1:-1], last), -1)


def _flux_difference(f: Tensor, conductance: Tensor) -> Tensor:
    """Along the last axis, which loses its two ends."""
    face = (conductance[..., 1:] + conductance[..., :-1]) * 0.5
    flux = face * (f[..., 1:] - f[..., :-1])
    return flux[..., 1:] - flux[..., :-1]


def _ratio(numerator: Tensor, denominator: Tensor, step: Tensor) -> Tensor:
    """Quotient, 0 where the step is that of a pole."""
    usable = (step > SMALLEST_STEP_M).astype(numerator.dtype)
    return numerator * usable / (denominator * usable + (1 - usable))
