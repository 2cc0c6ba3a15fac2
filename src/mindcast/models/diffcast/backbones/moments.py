"""What a convolution kernel differentiates, read off its moments (Long et al. 2018). NumPy only.

The k x k kernel w acts on a smooth image u as sum over (i, j) of m[i, j] d^(i+j) u / dy^i dx^j plus
higher orders, with the moments m = M w M^T and M[i, a] = (a - k // 2)^i / i!.
"""

from __future__ import annotations

import math

import numpy as np


def moment_matrix(size: int) -> np.ndarray:
    """M (size, size), float64: kernel entries along an axis to moments of order 0 .. size - 1."""
    offsets = np.arange(size, dtype=np.float64) - size // 2
    return np.stack([offsets**order / math.factorial(order) for order in range(size)])


def moments(kernels: np.ndarray) -> np.ndarray:
    """(..., k, k) kernels -> their moments, float64."""
    matrix = moment_matrix(kernels.shape[-1])
    return matrix @ kernels.astype(np.float64) @ matrix.T


def kernels_of(wanted: np.ndarray) -> np.ndarray:
    """The inverse of `moments`: (..., k, k) moments -> kernels that have them, float64."""
    inverse = np.linalg.inv(moment_matrix(wanted.shape[-1]))
    return inverse @ wanted.astype(np.float64) @ inverse.T


def derivative_moments(size: int) -> np.ndarray:
    """(size^2, size, size): filter n is to be the derivative of order n // size, n % size."""
    return np.eye(size * size).reshape(size * size, size, size)
