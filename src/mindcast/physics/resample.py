"""From fine to coarse grids and back, as products with one matrix an axis.

A coarse cell covers factor x factor fine cells, so the centre of fine cell i lies at
(i + 1/2) / factor - 1/2 in coarse indices. Fields are (..., H, W).
"""

from __future__ import annotations

import numpy as np

UPSAMPLING_A = -0.75  # kernel parameter of the bicubic upsampling
COARSENING_A = -0.5  # that of the antialiased coarsening, as in the papers compared with


def block_mean(field: np.ndarray, factor: int, row_weights: np.ndarray | None = None) -> np.ndarray:
    """(..., H, W) to (..., H // factor, W // factor): mean of each block.

    row_weights: (H,), such as cos(latitude); None weighs all rows alike. ValueError unless H and W
    are multiples of the factor.
    """
    *lead, height, width = field.shape
    if height % factor or width % factor:
        raise ValueError(f"got {height} x {width}, expected multiples of the factor {factor}")
    blocks = field.reshape(*lead, height // factor, factor, width // factor, factor)
    rows = blocks.mean(axis=-1, dtype=np.float64)
    if row_weights is None:
        return rows.mean(axis=-2)
    weights = np.asarray(row_weights, np.float64).reshape(height // factor, factor, 1)
    return (rows * weights).sum(axis=-2) / weights.sum(axis=-2)


def bicubic_matrix(size: int, factor: int) -> np.ndarray:
    """(size * factor, size): cubic interpolation, a = -0.75, source index clamped at the border."""
    return _interpolation(size, factor, reach=2, a=UPSAMPLING_A)


def bilinear_matrix(size: int, factor: int) -> np.ndarray:
    """(size * factor, size): linear interpolation, source index clamped at the border."""
    return _interpolation(size, factor, reach=1, a=None)


def antialiased_bicubic_matrix(size: int, factor: int) -> np.ndarray:
    """(size // factor, size): coarsening with the cubic kernel stretched by the factor.

    a = -0.5; the kernel is cut at the border and its weights sum to 1. For comparison with papers
    that made their coarse fields so; ValueError unless `size` is a multiple of the factor.
    """
    if size % factor:
        raise ValueError(f"got {size} points, expected a multiple of the factor {factor}")
    centres = (np.arange(size // factor) + 0.5) * factor - 0.5
    distance = np.abs(np.arange(size) - centres[:, np.newaxis]) / factor
    weights = cubic_kernel(distance, COARSENING_A)
    return weights / weights.sum(axis=1, keepdims=True)


def apply(rows: np.ndarray, field: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """rows @ field @ columns^T on the last two axes."""
    return rows @ field @ columns.T


def bicubic(field: np.ndarray, factor: int) -> np.ndarray:
    """The upsampling U of every temperature field: (..., h, w) to (..., h factor, w factor)."""
    height, width = field.shape[-2:]
    return apply(bicubic_matrix(height, factor), field, bicubic_matrix(width, factor))


def bilinear(field: np.ndarray, factor: int) -> np.ndarray:
    """Bilinear counterpart of `bicubic`, for baselines."""
    height, width = field.shape[-2:]
    return apply(bilinear_matrix(height, factor), field, bilinear_matrix(width, factor))


def nearest(field: np.ndarray, factor: int) -> np.ndarray:
    """Every value repeated over its block."""
    return field.repeat(factor, axis=-2).repeat(factor, axis=-1)


def coarsen_bicubic(field: np.ndarray, factor: int) -> np.ndarray:
    """(..., H, W) to (..., H // factor, W // factor) by `antialiased_bicubic_matrix`."""
    height, width = field.shape[-2:]
    rows, columns = (antialiased_bicubic_matrix(size, factor) for size in (height, width))
    return apply(rows, field, columns)


def enforce_block_mean(
    fine: np.ndarray, coarse: np.ndarray, row_weights: np.ndarray | None = None
) -> np.ndarray:
    """`fine` shifted block by block so that its `block_mean` is `coarse` (float64)."""
    factor = fine.shape[-1] // coarse.shape[-1]
    return fine + nearest(coarse - block_mean(fine, factor, row_weights), factor)


def cubic_kernel(distance: np.ndarray, a: float) -> np.ndarray:
    """Weight of a point at `distance` >= 0 steps (Keys 1981)."""
    d = distance
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * (d**3 - 5 * d**2 + 8 * d - 4)
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _interpolation(size: int, factor: int, reach: int, a: float | None) -> np.ndarray:
    """Weights of the 2 * reach nearest points; those beyond the border count for the last one."""
    centres = (np.arange(size * factor) + 0.5) / factor - 0.5
    matrix = np.zeros((size * factor, size))
    for offset in range(1 - reach, 1 + reach):
        points = np.floor(centres) + offset
        distance = np.abs(centres - points)
        weights = 1 - distance if a is None else cubic_kernel(distance, a)
        clamped = np.clip(points, 0, size - 1).astype(int)
        np.add.at(matrix, (np.arange(size * factor), clamped), weights)
    return matrix
