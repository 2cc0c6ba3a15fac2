"""From fine to coarse grids and back, as products with one matrix an axis.

A coarse cell covers factor x factor fine cells, so the centre of fine cell i lies at
(i + 1/2) / factor - 1/2 in coarse indices. Fields are (..., H, W).

Sizes that are no multiple of the factor: the last cell of an axis covers the points that are left,
h = ceil(H / factor), and its value stands for the middle of these. Finer, it is first moved to the
middle of a whole cell, along the line through the cell before, so that slopes stay slopes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

UPSAMPLING_A = -0.75  # kernel parameter of the bicubic upsampling
COARSENING_A = -0.5  # that of the antialiased coarsening, as in the papers compared with
Size = tuple[int, int]


def cells(length: int, factor: int) -> int:
    """Coarse cells of that many points; the last one may have fewer than `factor`."""
    return -(-length // factor)


def cell_means(values: np.ndarray, factor: int, axis: int = -1) -> np.ndarray:
    """Means (float64) of runs of `factor` points along an axis; the last run is what is left."""
    means = [run.mean(axis=axis, dtype=np.float64) for run in _runs(values, factor, axis)]
    return np.concatenate(means, axis)


def cell_centres(length: int, factor: int) -> np.ndarray:
    """(cells,): where the middle of each cell lies, in indices of the `length` points."""
    return cell_means(np.arange(length, dtype=np.float64), factor)


def block_mean(field: np.ndarray, factor: int, row_weights: np.ndarray | None = None) -> np.ndarray:
    """(..., H, W) to (..., ceil(H / factor), ceil(W / factor)): mean of each block, float64.

    Blocks at the end are the means of the points that there are. row_weights: (H,), positive, such
    as cos(latitude); None weighs all rows alike.
    """
    rows = cell_means(field, factor)
    if row_weights is None:
        return cell_means(rows, factor, -2)
    weights = np.asarray(row_weights, np.float64)[:, np.newaxis]
    sums, totals = (
        np.concatenate([run.sum(axis=-2) for run in _runs(values, factor, -2)], -2)
        for values in (rows * weights, weights)
    )
    return sums / totals


def bicubic_matrix(size: int, factor: int, length: int | None = None) -> np.ndarray:
    """(length, size): cubic interpolation, a = -0.75, source index clamped at the border.

    length: of the fine axis, for which `size` cells are needed; None: size * factor.
    """
    return _interpolation(size, factor, length, reach=2, a=UPSAMPLING_A)


def bilinear_matrix(size: int, factor: int, length: int | None = None) -> np.ndarray:
    """(length, size): linear interpolation; the rest as in `bicubic_matrix`."""
    return _interpolation(size, factor, length, reach=1, a=None)


def antialiased_bicubic_matrix(size: int, factor: int) -> np.ndarray:
    """(ceil(size / factor), size): coarsening with the cubic kernel stretched by the factor.

    a = -0.5; the kernel is cut at the border and its weights sum to 1. For comparison with papers
    that made their coarse fields so.
    """
    centres = cell_centres(size, factor)
    distance = np.abs(np.arange(size) - centres[:, np.newaxis]) / factor
    weights = cubic_kernel(distance, COARSENING_A)
    return weights / weights.sum(axis=1, keepdims=True)


def apply(rows: np.ndarray, field: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """rows @ field @ columns^T on the last two axes."""
    return rows @ field @ columns.T


def bicubic(field: np.ndarray, factor: int, size: Size | None = None) -> np.ndarray:
    """The upsampling U of every temperature field: (..., h, w) to (..., *size).

    size: (H, W) of the fine grid, for which h x w cells are needed; None: (h factor, w factor).
    """
    return _finer(bicubic_matrix, field, factor, size)


def bilinear(field: np.ndarray, factor: int, size: Size | None = None) -> np.ndarray:
    """Bilinear counterpart of `bicubic`, for baselines."""
    return _finer(bilinear_matrix, field, factor, size)


def nearest(field: np.ndarray, factor: int, size: Size | None = None) -> np.ndarray:
    """Every value repeated over its block; `size` as in `bicubic`."""
    height, width = size or (None, None)
    return field.repeat(factor, axis=-2).repeat(factor, axis=-1)[..., :height, :width]


def coarsen_bicubic(field: np.ndarray, factor: int) -> np.ndarray:
    """(..., H, W) to (..., h, w), as `block_mean`, by `antialiased_bicubic_matrix`."""
    height, width = field.shape[-2:]
    rows, columns = (antialiased_bicubic_matrix(size, factor) for size in (height, width))
    return apply(rows, field, columns)


def enforce_block_mean(
    fine: np.ndarray, coarse: np.ndarray, factor: int, row_weights: np.ndarray | None = None
) -> np.ndarray:
    """`fine` shifted block by block so that its `block_mean` is `coarse` (float64)."""
    height, width = fine.shape[-2:]
    lacking = coarse - block_mean(fine, factor, row_weights)
    return fine + nearest(lacking, factor, (height, width))


def cubic_kernel(distance: np.ndarray, a: float) -> np.ndarray:
    """Weight of a point at `distance` >= 0 steps (Keys 1981)."""
    d = distance
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * (d**3 - 5 * d**2 + 8 * d - 4)
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _runs(values: np.ndarray, factor: int, axis: int) -> list[np.ndarray]:
    """Whole runs (..., n, factor, ...), and what is left (..., 1, rest, ...) if there is any.

    `axis` counts from the end, before and after: along it lie the points of a run.
    """
    length = values.shape[axis]
    whole, rest = np.split(values, [length // factor * factor], axis)
    at = values.ndim + axis
    return [
        part.reshape(*part.shape[:at], -1, run, *part.shape[at + 1 :])
        for part, run in ((whole, factor), (rest, length % factor))
        if part.shape[axis]
    ]


def _finer(
    make: Callable[[int, int, int | None], np.ndarray],
    field: np.ndarray,
    factor: int,
    size: Size | None,
) -> np.ndarray:
    (h, w), (height, width) = field.shape[-2:], size or (None, None)
    return apply(make(h, factor, height), field, make(w, factor, width))


def _interpolation(
    size: int, factor: int, length: int | None, reach: int, a: float | None
) -> np.ndarray:
    """Weights of the 2 * reach nearest points; those beyond the border count for the last one.

    ValueError for a length that takes another number of cells.
    """
    length = size * factor if length is None else length
    if cells(length, factor) != size:
        raise ValueError(f"got {size} cells of {factor} for {length} points")
    centres = (np.arange(length) + 0.5) / factor - 0.5
    matrix = np.zeros((length, size))
    for offset in range(1 - reach, 1 + reach):
        points = np.floor(centres) + offset
        distance = np.abs(centres - points)
        weights = 1 - distance if a is None else cubic_kernel(distance, a)
        clamped = np.clip(points, 0, size - 1).astype(int)
        np.add.at(matrix, (np.arange(length), clamped), weights)
    return matrix if length == size * factor else matrix @ _moved_to_whole(size, factor, length)


def _moved_to_whole(size: int, factor: int, length: int) -> np.ndarray:
    """(size, size): the last value to the middle of a whole cell; a single one stays."""
    moved = np.eye(size)
    if size > 1:
        before, last = cell_centres(length, factor)[-2:]
        share = (before + factor - last) / (last - before)
        moved[-1, -2:] = -share, 1 + share
    return moved
