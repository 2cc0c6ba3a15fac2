"""Horizontal grids: where their points are, how far apart, and what is left after coarsening."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mindcast.physics.constants import EARTH_RADIUS
from mindcast.physics.horizontal import Metric, index_derivative, latitude_longitude_metric
from mindcast.physics.resample import block_mean, cell_centres, cell_means
from mindcast.samples import Axis


@dataclass(frozen=True)
class Grid:
    """A grid of H rows and W columns.

    y, x: the axes: latitude and longitude in degrees if `regular`, else distances in m.
    latitude, longitude: (H, W), degrees; longitudes run on beyond 360 rather than jump.
    metric: see `Metric`. regular: whether it is a latitude-longitude grid.
    """

    y: Axis
    x: Axis
    latitude: np.ndarray
    longitude: np.ndarray
    metric: Metric
    regular: bool

    @property
    def shape(self) -> tuple[int, int]:
        height, width = self.latitude.shape
        return height, width

    def cut(self, rows: slice, columns: slice) -> Grid:
        """A rectangle of the grid."""
        return Grid(
            self.y.cut(rows),
            self.x.cut(columns),
            self.latitude[rows, columns],
            self.longitude[rows, columns],
            self.metric.cut(rows, columns),
            self.regular,
        )

    def coarse(self, factor: int) -> Grid:
        """The grid of factor x factor blocks, its coordinates the means over each block.

        The last row and column of blocks hold the points that are left; they lie nearer.
        """
        y, x = (
            Axis(axis.name, axis.unit, cell_means(axis.values, factor)) for axis in (self.y, self.x)
        )
        latitude, longitude = (block_mean(f, factor) for f in (self.latitude, self.longitude))
        metric = self._coarse_metric(y.values, x.values, factor)
        return Grid(y, x, latitude, longitude, metric, self.regular)

    def _coarse_metric(self, y: np.ndarray, x: np.ndarray, factor: int) -> Metric:
        """Of the blocks at `y` and `x`, whatever the size of the last ones."""
        height, width = self.shape
        closed = self.metric.periodic
        along_y, along_x = _block_steps(height, factor), _block_steps(width, factor, closed)
        if not self.regular:
            h_x, h_y = (block_mean(h, factor) for h in (self.metric.h_x, self.metric.h_y))
            return Metric(along_x * h_x, along_y[:, np.newaxis] * h_y)
        # as if all columns were whole, then those at the end nearer; rows have their latitudes
        even = latitude_longitude_metric(y, x[: width // factor])
        h_x = even.h_x[:, :1] * (along_x / factor)
        return Metric(h_x, np.broadcast_to(even.h_y[:, :1], h_x.shape), closed)

    def equals(self, other: Grid) -> bool:
        """Whether both have the same points, to about 10 m."""
        return self.shape == other.shape and all(
            np.allclose(a, b, rtol=0, atol=1e-4)
            for a, b in ((self.latitude, other.latitude), (self.longitude, other.longitude))
        )


def _block_steps(length: int, factor: int, closed: bool = False) -> np.ndarray:
    """(blocks,): fine index steps to a step of the blocks' index, `factor` between whole blocks."""
    centres = cell_centres(length, factor)
    if not closed:
        return index_derivative(centres, 0)
    around = np.concatenate([centres[-1:] - length, centres, centres[:1] + length])
    return (around[2:] - around[:-2]) / 2


def regular_grid(latitude: np.ndarray, longitude: np.ndarray) -> Grid:
    """A latitude-longitude grid; `longitude` rises evenly, the circle closes if it spans 360."""
    step = (longitude[-1] - longitude[0]) / (len(longitude) - 1)
    periodic = abs(len(longitude) * step - 360) < 0.01 * step
    metric = latitude_longitude_metric(latitude, longitude, periodic)
    rows, columns = np.meshgrid(latitude, longitude, indexing="ij")
    return Grid(
        Axis("latitude", "degrees_north", latitude),
        Axis("longitude", "degrees_east", longitude),
        rows,
        columns,
        metric,
        regular=True,
    )


def turned(grid: Grid, first: int, west: float) -> Grid:
    """A latitude-longitude grid that closes the circle, from column `first` on eastwards.

    Its longitudes lie within half a circle of `west` at the first column.
    """
    x = np.roll(grid.x.values, -first)
    x[len(x) - first :] += 360
    return regular_grid(grid.y.values, x - 360 * np.rint((x[0] - west) / 360))


def projected_grid(
    latitude: np.ndarray,
    longitude: np.ndarray,
    spacing: tuple[np.ndarray, np.ndarray] | None = None,
    northwards: bool | None = None,
) -> Grid:
    """A grid given by the positions (H, W) of its points.

    spacing: true lengths of the steps along rows and columns, m, unsigned; None: from the
        positions. northwards: whether the row index runs along the grid's y axis, so with v;
        None: if latitude rises with it.
    """
    if spacing is None:
        spacing = great_circle_steps(latitude, longitude)
    if northwards is None:
        northwards = float(np.mean(index_derivative(latitude, 0))) > 0
    h_x, h_y = spacing
    metric = Metric(h_x, h_y if northwards else -h_y)
    sign = 1 if northwards else -1
    height, width = latitude.shape
    y = Axis("y", "m", sign * np.arange(height) * float(h_y.mean()))
    x = Axis("x", "m", np.arange(width) * float(h_x.mean()))
    longitude = np.unwrap(np.unwrap(longitude, period=360, axis=1), period=360, axis=0)
    return Grid(y, x, latitude, longitude, metric, regular=False)


def great_circle_steps(
    latitude: np.ndarray, longitude: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Lengths (m) of the index steps along x and y, from positions (H, W) in degrees."""
    phi, lam = np.radians(latitude), np.radians(longitude)
    position = np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])
    along_x, along_y = (
        EARTH_RADIUS * np.linalg.norm(index_derivative(position, axis), axis=0) for axis in (-1, -2)
    )
    return along_x, along_y


def x_axis_angle(latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Angle from local east to the grid's x axis, radians, anticlockwise, (H, W)."""
    unwrapped = np.unwrap(longitude, period=360, axis=1)
    east = np.cos(np.radians(latitude)) * index_derivative(unwrapped, 1)
    return np.arctan2(index_derivative(latitude, 1), east)


def along_grid(
    eastward: np.ndarray, northward: np.ndarray, angle: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Wind components along the grid's axes from those towards east and north."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return eastward * cosine + northward * sine, northward * cosine - eastward * sine
