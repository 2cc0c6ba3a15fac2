"""Winds that a file does not hold: omega from continuity, horizontal wind from height."""

from __future__ import annotations

import numpy as np

from mindcast.physics.constants import EARTH_ROTATION, GRAVITY
from mindcast.physics.horizontal import Metric, gradient

SMALLEST_CORIOLIS = 2.5e-5  # 1/s, reached at 10 degrees: nearer the equator f is held there


def omega_from_continuity(
    divergence: np.ndarray, pressure: np.ndarray, corrected: bool = True
) -> np.ndarray:
    """Pressure velocity omega (Pa/s) of a divergence (..., L, H, W) in 1/s: 0 at the top level.

    Downwards by trapezoids; `corrected` takes away what is left at the bottom level, linearly in p.
    """
    pressure = np.asarray(pressure, np.float64)
    depths = -np.diff(pressure)[:, np.newaxis, np.newaxis]
    steps = -(divergence[..., :-1, :, :] + divergence[..., 1:, :, :]) / 2 * depths
    omega = np.zeros(divergence.shape, np.float64)
    # the sum from the top down to each level
    omega[..., :-1, :, :] = np.cumsum(steps[..., ::-1, :, :], axis=-3)[..., ::-1, :, :]
    if corrected:
        share = (pressure - pressure[-1]) / (pressure[0] - pressure[-1])
        omega = omega - omega[..., :1, :, :] * share[:, np.newaxis, np.newaxis]
    return omega


def coriolis(latitude: np.ndarray) -> np.ndarray:
    """f = 2 Omega sin(phi), 1/s, of latitudes in degrees, held away from 0 with its sign."""
    f = 2 * EARTH_ROTATION * np.sin(np.radians(np.asarray(latitude, np.float64)))
    return np.where(f < 0, -1.0, 1.0) * np.maximum(np.abs(f), SMALLEST_CORIOLIS)


def geostrophic_wind(
    height: np.ndarray, latitude: np.ndarray, metric: Metric
) -> tuple[np.ndarray, np.ndarray]:
    """(u, v), m/s along the grid's axes: -(g/f) dz/dy and (g/f) dz/dx.

    height: geopotential height (..., H, W), m. latitude: (H, W), degrees.
    """
    dz_dx, dz_dy = gradient(height, metric)
    factor = GRAVITY / coriolis(latitude)
    return -factor * dz_dy, factor * dz_dx
