"""Frames on the pixels of a model: the mean rain rate over larger pixels, then a part of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mindcast.mapgrid import MapGrid
from mindcast.refusal import Refusal

SAME = 0.01  # by so much of themselves two sizes of pixels may differ and be the same
Factors = tuple[float, float]  # pixels of the file to a pixel of the model, down and across


def factors(pixel_km: tuple[float, float], wanted_km: float, where: str) -> Factors:
    """How many pixels become one; whole numbers where they nearly are.

    Refusal where the model's are smaller: nothing is made up.
    """
    found = tuple(_nearly_whole(wanted_km / size) for size in pixel_km)
    if min(found) < 1:
        raise Refusal(
            f"{where}: pixels of {max(pixel_km):g} km, the model's are of {wanted_km:g} km; "
            "give finer data, or set input.resample=none to take them as they are"
        )
    return found[0], found[1]


def _nearly_whole(ratio: float) -> float:
    whole = round(ratio)
    return float(whole) if whole and abs(ratio - whole) <= SAME * whole else ratio


def block_means(rain: np.ndarray, size: Factors, missing_share: float = 0.0) -> np.ndarray:
    """Means of (..., H, W) over blocks of `size` pixels from the upper left on; a rest is dropped.

    Where the size is no whole number pixels count by the part of them that lies in the block. A
    block is missing (NaN) where more than `missing_share` of it is.
    """
    known = ~np.isnan(rain)
    amount = _averaged(np.where(known, rain, 0.0), size)
    share = _averaged(known.astype(np.float64), size)
    enough = share >= 1 - missing_share - 1e-9
    return np.where(enough, amount / np.where(share > 0, share, 1), np.nan)


def _averaged(values: np.ndarray, size: Factors) -> np.ndarray:
    """Means over blocks of values that are all known."""
    *lead, height, width = values.shape
    if all(factor == int(factor) for factor in size):
        h, w = int(size[0]), int(size[1])
        rows, columns = height // h, width // w
        whole = values[..., : rows * h, : columns * w]
        return np.asarray(whole.reshape(*lead, rows, h, columns, w).mean(axis=(-3, -1)))
    down, across = _overlaps(height, size[0]), _overlaps(width, size[1])
    return np.asarray(down @ values @ across.T)


def _overlaps(count: int, factor: float) -> np.ndarray:
    """(blocks, count): which part of a block each pixel is, by length; rows sum to 1."""
    blocks = int(count / factor + 1e-9)
    begin = np.arange(blocks)[:, np.newaxis] * factor
    pixel = np.arange(count)
    inside = np.minimum(begin + factor, pixel + 1) - np.maximum(begin, pixel)
    return np.clip(inside, 0, 1) / factor


def coarse_grid(grid: MapGrid, size: Factors) -> MapGrid:
    """Where the blocks of `block_means` lie."""
    y, x = (_block_centres(a, f) for a, f in zip((grid.y, grid.x), size, strict=True))
    return MapGrid(x, y, grid.projection)


def _block_centres(axis: np.ndarray, factor: float) -> np.ndarray:
    blocks = int(len(axis) / factor + 1e-9)
    step = (axis[-1] - axis[0]) / (len(axis) - 1)
    return axis[0] + ((np.arange(blocks) + 0.5) * factor - 0.5) * step


def part(
    shape: tuple[int, int], frame: tuple[int, int], origin: Sequence[int] | None, where: str
) -> tuple[slice, slice]:
    """Rows and columns of a `frame` within `shape`: from `origin` on, or about the centre.

    Refusal where it does not fit.
    """
    if any(n < m for n, m in zip(shape, frame, strict=True)):
        raise Refusal(
            f"{where}: {shape[0]} x {shape[1]} pixels, the model takes {frame[0]} x {frame[1]}; "
            "give a larger area, or a model of smaller frames"
        )
    first = origin or [(n - m) // 2 for n, m in zip(shape, frame, strict=True)]
    if any(o + m > n for o, m, n in zip(first, frame, shape, strict=True)):
        raise Refusal(
            f"input.origin = {list(first)}: {frame[0]} x {frame[1]} pixels from there on do not "
            f"lie in the {shape[0]} x {shape[1]} of {where}; choose at most "
            f"{[n - m for n, m in zip(shape, frame, strict=True)]}"
        )
    rows, columns = (slice(o, o + m) for o, m in zip(first, frame, strict=True))
    return rows, columns
