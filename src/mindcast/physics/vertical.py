"""Vertical derivatives and what follows from them, as fixed matrices over the levels.

Every quantity here is linear in temperature, so each is one (L, L) or (L-1, L) matrix a level set;
`along_levels` applies it. Pressures are (L,) in Pa, falling: index 0 is the bottom level.
"""

from __future__ import annotations

import numpy as np

from mindcast.physics.constants import GAS_CONSTANT, GRAVITY, KAPPA, REFERENCE_PRESSURE


def along_levels(matrix: np.ndarray, field: np.ndarray) -> np.ndarray:
    """Apply a matrix (K, L) to the level axis of a field (..., L, H, W): (..., K, H, W)."""
    return np.moveaxis(np.tensordot(matrix, field, axes=(1, -3)), 0, -3)


def log_pressure_derivative(pressure: np.ndarray) -> np.ndarray:
    """(L, L): d/dln p by three points, of second order on uneven steps, at the ends too.

    Two levels: the plain difference at both. ValueError unless pressures are positive and fall.
    """
    s = np.log(_checked(pressure))
    levels = len(s)
    if levels == 2:
        return np.array([[-1.0, 1.0], [-1.0, 1.0]]) / (s[1] - s[0])
    matrix = np.zeros((levels, levels))
    for k in range(levels):
        first = min(max(k - 1, 0), levels - 3)
        points = slice(first, first + 3)
        matrix[k, points] = _slope_weights(s[points], k - first)
    return matrix


def pressure_derivative(pressure: np.ndarray) -> np.ndarray:
    """(L, L): d/dp, 1/Pa; exact where the field is quadratic in ln p."""
    return log_pressure_derivative(pressure) / np.asarray(pressure, np.float64)[:, np.newaxis]


def static_stability(pressure: np.ndarray) -> np.ndarray:
    """(L, L): temperature (K) to S = kappa T / p - dT/dp = -(T/theta) dtheta/dp, K/Pa."""
    isothermal = np.diag(KAPPA / np.asarray(pressure, np.float64))
    return isothermal - pressure_derivative(pressure)


def theta_factor(pressure: np.ndarray) -> np.ndarray:
    """(L,): potential temperature over temperature, (p_0 / p)^kappa."""
    return (REFERENCE_PRESSURE / np.asarray(pressure, np.float64)) ** KAPPA


def potential_temperature(temperature: np.ndarray, pressure: np.ndarray) -> np.ndarray:
    """theta, K, of a temperature (..., L, H, W) in K."""
    return temperature * theta_factor(pressure)[:, np.newaxis, np.newaxis]


def layer_depths(pressure: np.ndarray) -> np.ndarray:
    """(L-1,): ln(p_k / p_{k+1}) of each pair of neighbouring levels, positive."""
    return -np.diff(np.log(_checked(pressure)))


def pair_stability(pressure: np.ndarray) -> np.ndarray:
    """(L-1, L): temperature to N_k = (theta_{k+1} - theta_k) / ln(p_k / p_{k+1}), K.

    Negative: theta falls upwards, the layer is unstable.
    """
    return _pairs(-theta_factor(pressure), theta_factor(pressure)) / _column(pressure)


def thickness(pressure: np.ndarray) -> np.ndarray:
    """(L-1, L): temperature to the depth of the layers, m: (R_d/g) mean T ln(p_k / p_{k+1})."""
    half = np.full(len(pressure), 0.5)
    return GAS_CONSTANT / GRAVITY * _pairs(half, half) * _column(pressure)


def _slope_weights(s: np.ndarray, at: int) -> np.ndarray:
    """Slope at point `at` of the parabola through three points, as weights of their values."""
    weights = np.empty(3)
    for k in range(3):
        i, j = (other for other in range(3) if other != k)
        weights[k] = (2 * s[at] - s[i] - s[j]) / ((s[k] - s[i]) * (s[k] - s[j]))
    return weights


def _pairs(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """(L-1, L): row k takes level k times lower[k] plus level k+1 times upper[k+1]."""
    levels = len(lower)
    return np.diag(lower)[:-1] + np.eye(levels, k=1)[:-1] * upper


def _column(pressure: np.ndarray) -> np.ndarray:
    return layer_depths(pressure)[:, np.newaxis]


def _checked(pressure: np.ndarray) -> np.ndarray:
    pressure = np.asarray(pressure, np.float64)
    falls = pressure.ndim == 1 and len(pressure) > 1 and (np.diff(pressure) < 0).all()
    if not falls or pressure[-1] <= 0:
        raise ValueError(f"pressures {pressure.tolist()}, expected two or more, positive, falling")
    return pressure
