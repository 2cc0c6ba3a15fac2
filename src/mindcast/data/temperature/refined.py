"""The fine grid behind a coarse one: where the points lie that each of its cells stands for."""

from __future__ import annotations

import numpy as np

from mindcast.data.temperature.grid import Grid, projected_grid, regular_grid

POLE = 90 + 1e-6  # degrees


def refined(grid: Grid, factor: int) -> Grid:
    """A grid whose blocks of `factor` x `factor` points lie evenly about the points of `grid`.

    Between two points positions are linear in the index, and so they go on beyond the last ones.
    ValueError where that leads beyond a pole, see `without_poles`.
    """
    rows, columns = (_refinement(length, factor) for length in grid.shape)
    if grid.regular:
        latitude = rows @ grid.y.values
        if np.abs(latitude).max() > POLE:
            raise ValueError("cells reach beyond a pole")
        return regular_grid(np.clip(latitude, -90, 90), columns @ grid.x.values)
    latitude, longitude, h_x, h_y = (
        rows @ field @ columns.T
        for field in (grid.latitude, grid.longitude, grid.metric.h_x, grid.metric.h_y)
    )
    spacing = (h_x / factor, np.abs(h_y) / factor)
    return projected_grid(latitude, longitude, spacing, bool(h_y.mean() > 0))


def without_poles(grid: Grid, factor: int) -> slice:
    """The rows of a grid whose cells end before the poles: all, unless it has a point there."""
    if not grid.regular:
        return slice(0, grid.shape[0])
    latitude = np.abs(_refinement(grid.shape[0], factor) @ grid.y.values)
    inside = np.flatnonzero((latitude.reshape(-1, factor) <= POLE).all(axis=1))
    return slice(int(inside[0]), int(inside[-1]) + 1)


def _refinement(length: int, factor: int) -> np.ndarray:
    """(length * factor, length): linear interpolation in the index, straight on beyond the ends."""
    place = (np.arange(length * factor) + 0.5) / factor - 0.5
    below = np.clip(np.floor(place).astype(int), 0, length - 2)
    matrix = np.zeros((len(place), length))
    number = np.arange(len(place))
    matrix[number, below] = 1 - (place - below)
    matrix[number, below + 1] = place - below
    return matrix
