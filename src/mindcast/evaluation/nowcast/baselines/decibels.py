"""Radar values as rain in decibels, 10 log10 of mm/h, and back: what pysteps' cascades work on.

Both units are logarithmic already, so that this is linear where it rains:

    dBZ     reflectivity, Z = 200 R^1.6 (Marshall and Palmer)
    VIL     SEVIR's code of vertically integrated liquid of 10 km of rain, see
            `physics.reflectivity`

SEVIR's code is linear in VIL below 18, where the logarithm is taken here too. 0 is no rain, as is
less than 0.1 mm/h: 7 dBZ; in VIL every code is above it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mindcast.physics.reflectivity import VIL_OFFSET, VIL_PER_DBZ

LEAST = -10.0  # dB: 0.1 mm/h
NONE = -15.0  # dB, what no rain counts as: below the least by as much as pysteps takes
MARSHALL_PALMER = 10 * np.log10(200), 1.6  # dBZ of 1 mm/h, and of every decibel more


@dataclass(frozen=True)
class Linear:
    """A unit as `offset` + `slope` dBZ."""

    offset: float
    slope: float


UNITS = {
    "dBZ": Linear(0.0, 1.0),
    "VIL": Linear(VIL_OFFSET, VIL_PER_DBZ),
}


def to_decibels(values: np.ndarray, unit: str) -> np.ndarray:
    """Physical values of a unit of UNITS as float64 dB of mm/h, at least LEAST or else NONE."""
    scale, (one, each) = UNITS[unit], MARSHALL_PALMER
    rain = ((values.astype(np.float64) - scale.offset) / scale.slope - one) / each
    return np.where((values > 0) & (rain >= LEAST), rain, NONE)


def from_decibels(rain: np.ndarray, unit: str) -> np.ndarray:
    """The inverse; what is below LEAST, or NaN, is 0."""
    scale, (one, each) = UNITS[unit], MARSHALL_PALMER
    values = scale.offset + scale.slope * (one + each * rain)
    return np.where(rain >= LEAST, np.maximum(values, 0), 0)
