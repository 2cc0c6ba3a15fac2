"""The prior channels: the terms of the temperature equation for the tendency of a field.

    dT/dt = -V . grad T + omega S + Q / c_p,    S = kappa T / p - dT/dp

Q is not known here. Channels 1 and 2 are the known terms, 3 to 6 the derivatives they contain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mindcast.physics import vertical
from mindcast.physics.constants import SECONDS_PER_DAY
from mindcast.physics.horizontal import Metric, divergence, gradient, laplacian
from mindcast.physics.wind import geostrophic_wind, omega_from_continuity

PriorSource = Literal["winds", "geostrophic", "temperature_only"]
PRIOR_SOURCES: tuple[PriorSource, ...] = ("winds", "geostrophic", "temperature_only")
PRIORS = (
    "horizontal advection (K/day)",
    "vertical motion and adiabatic change (K/day)",
    "static stability (K/hPa)",
    "gradient along x (K/100 km)",
    "gradient along y (K/100 km)",
    "Laplacian (K/(100 km)^2)",
)
GRADIENT_X = 3  # the one that changes its sign in a mirror along x, as u does


@dataclass(frozen=True)
class Winds:
    """Wind along the grid's axes, (..., L, H, W): u and v in m/s, omega in Pa/s.

    present: whether there are any; if not, all are zero.
    """

    u: np.ndarray
    v: np.ndarray
    omega: np.ndarray
    present: bool = True


def known_winds(
    u: np.ndarray, v: np.ndarray, omega: np.ndarray | None, pressure: np.ndarray, metric: Metric
) -> Winds:
    """Source "winds": as given; omega from continuity, brought to 0 at both ends, where absent."""
    if omega is None:
        omega = omega_from_continuity(divergence(u, v, metric), pressure)
    return Winds(u, v, omega)


def geostrophic_winds(height: np.ndarray, latitude: np.ndarray, metric: Metric) -> Winds:
    """Source "geostrophic": its divergence is an artefact of f, so omega is 0."""
    u, v = geostrophic_wind(height, latitude, metric)
    return Winds(u, v, np.zeros_like(u))


def no_winds(temperature: np.ndarray) -> Winds:
    """Source "temperature_only"."""
    zero = np.zeros_like(temperature)
    return Winds(zero, zero, zero, present=False)


def prior_channels(
    temperature: np.ndarray, winds: Winds, pressure: np.ndarray, metric: Metric
) -> np.ndarray:
    """The six channels of `PRIORS`, (..., L, H, W, 6), of a temperature (..., L, H, W) in K.

    Channels 1 and 2 are 0 where no winds are present.
    """
    stability = vertical.along_levels(vertical.static_stability(pressure), temperature)
    d_dx, d_dy = gradient(temperature, metric)
    channels = (
        -(winds.u * d_dx + winds.v * d_dy) * SECONDS_PER_DAY,
        winds.omega * stability * SECONDS_PER_DAY,
        stability * 100,
        d_dx * 1e5,
        d_dy * 1e5,
        laplacian(temperature, metric) * 1e10,
    )
    return np.stack(channels, axis=-1)
