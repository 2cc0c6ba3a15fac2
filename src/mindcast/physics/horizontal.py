"""Horizontal derivatives on a level of any grid, by its metric: metres a step of the index.

Second order everywhere, also at the borders. Fields are (..., H, W), metrics (H, W).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mindcast.physics.constants import EARTH_RADIUS

SMALLEST_STEP_M = 1e-3  # shorter x-steps are a pole: no x-derivative there
SMALLEST_CELL_M2 = 1.0
POLE_COSINE = 1e-6
H_X, H_Y, PERIODIC, ROW_WEIGHT = range(4)  # channels of `samples.DownscaleInput.metric`


@dataclass(frozen=True)
class Metric:
    """Lengths of the index steps of a grid.

    h_x: (H, W), m, along the rows, positive, 0 at a pole.
    h_y: (H, W), m, along the columns, signed: negative where the row index runs southwards.
    periodic: whether the last column has the first as its neighbour.
    """

    h_x: np.ndarray
    h_y: np.ndarray
    periodic: bool = False

    def cut(self, rows: slice, columns: slice) -> Metric:
        """The metric of a part of the grid, which is not periodic unless it has all columns."""
        h_x, h_y = self.h_x[rows, columns], self.h_y[rows, columns]
        return Metric(h_x, h_y, self.periodic and h_x.shape[1] == self.h_x.shape[1])


def latitude_longitude_metric(
    latitude: np.ndarray, longitude: np.ndarray, periodic: bool = False
) -> Metric:
    """Metric of rows at `latitude` (H,) and columns at `longitude` (W,), degrees, rising.

    h_x = a cos(phi) dlambda, h_y = a D(phi): rows may be spaced unevenly (Gaussian latitudes).
    """
    phi = np.radians(np.asarray(latitude, np.float64))
    lambdas = np.radians(np.asarray(longitude, np.float64))
    step = (lambdas[-1] - lambdas[0]) / (len(lambdas) - 1)
    cosine = np.where(np.abs(np.cos(phi)) < POLE_COSINE, 0.0, np.cos(phi))
    shape = (len(phi), len(lambdas))
    h_x = np.broadcast_to((EARTH_RADIUS * cosine * step)[:, np.newaxis], shape)
    h_y = np.broadcast_to((EARTH_RADIUS * index_derivative(phi, -1))[:, np.newaxis], shape)
    return Metric(h_x, h_y, periodic)


def index_derivative(field: np.ndarray, axis: int, periodic: bool = False) -> np.ndarray:
    """Derivative by the index along an axis, the step being 1: centred, one-sided at the ends.

    ValueError below two points; two points give the plain difference.
    """
    f = np.moveaxis(field, axis, 0)
    if len(f) < 2:
        raise ValueError(f"got {len(f)} points along axis {axis}, expected at least 2")
    if periodic:
        out = (np.roll(f, -1, 0) - np.roll(f, 1, 0)) / 2
    elif len(f) == 2:
        out = np.broadcast_to(f[1] - f[0], f.shape)
    else:
        out = np.empty(f.shape, np.result_type(f, np.float32))
        out[1:-1] = (f[2:] - f[:-2]) / 2
        out[0] = (-3 * f[0] + 4 * f[1] - f[2]) / 2
        out[-1] = (3 * f[-1] - 4 * f[-2] + f[-3]) / 2
    return np.moveaxis(out, 0, axis)


def gradient(field: np.ndarray, metric: Metric) -> tuple[np.ndarray, np.ndarray]:
    """(d/dx, d/dy) of a field, its unit per m; d/dx is 0 where the metric has a pole."""
    along_x = index_derivative(field, -1, metric.periodic)
    along_y = index_derivative(field, -2)
    return _ratio(along_x, metric.h_x, metric.h_x > SMALLEST_STEP_M), along_y / metric.h_y


def advection(field: np.ndarray, u: np.ndarray, v: np.ndarray, metric: Metric) -> np.ndarray:
    """-(u d/dx + v d/dy) of a field, its unit per s, winds in m/s along the axes of the grid."""
    d_dx, d_dy = gradient(field, metric)
    return -(u * d_dx + v * d_dy)


def divergence(u: np.ndarray, v: np.ndarray, metric: Metric) -> np.ndarray:
    """Divergence of a wind (m/s) on the level, 1/s; 0 at a pole."""
    flux_x = index_derivative(u * metric.h_y, -1, metric.periodic)
    flux_y = index_derivative(v * metric.h_x, -2)
    area = metric.h_x * metric.h_y
    return _ratio(flux_x + flux_y, area, np.abs(area) > SMALLEST_CELL_M2)


def laplacian(field: np.ndarray, metric: Metric) -> np.ndarray:
    """Laplacian on the level in flux form, unit of the field per m2; at least 3 rows and columns.

    The outermost rows and columns copy their neighbours inside (a periodic grid has no outermost
    columns).
    """
    width, height = metric.h_x, np.abs(metric.h_y)
    usable = width > SMALLEST_STEP_M
    across_x = _flux_difference(field, _ratio(height, width, usable), -1, metric.periodic)
    across_y = _flux_difference(field, width / height, -2, periodic=False)
    out = _ratio(across_x + across_y, width * height, usable)
    if not metric.periodic:
        out[..., 0], out[..., -1] = out[..., 1], out[..., -2]
    out[..., 0, :], out[..., -1, :] = out[..., 1, :], out[..., -2, :]
    return out


def _flux_difference(
    field: np.ndarray, conductance: np.ndarray, axis: int, periodic: bool
) -> np.ndarray:
    """Flux through the face ahead minus the face behind; wraps, to be overwritten at the ends."""
    f, r = np.moveaxis(field, axis, -1), np.moveaxis(conductance, axis, -1)
    if not periodic and f.shape[-1] < 3:
        raise ValueError(f"got {f.shape[-1]} points along axis {axis}, expected at least 3")
    ahead = (r + np.roll(r, -1, -1)) / 2 * (np.roll(f, -1, -1) - f)
    return np.moveaxis(ahead - np.roll(ahead, 1, -1), -1, axis)


def _ratio(numerator: np.ndarray, denominator: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Quotient, 0 where the denominator is not usable."""
    return np.where(usable, numerator, 0.0) / np.where(usable, denominator, 1.0)
