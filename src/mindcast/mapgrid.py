"""Where the pixels of a radar frame lie on a map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class MapGrid:
    """The pixels of frames (H, W) in the coordinates of a map; row 0 is the northernmost.

    x: (W,), float64, m, centres of the columns, rising. y: (H,), float64, m, centres of the rows,
    falling. projection: any text that `pyproj.CRS` takes, PROJ, WKT or "EPSG:2056". Both axes are
    evenly spaced: ValueError where one is not.
    """

    x: np.ndarray
    y: np.ndarray
    projection: str

    def __post_init__(self) -> None:
        for name, sign in (("x", 1), ("y", -1)):
            values = np.asarray(getattr(self, name))
            if values.ndim != 1 or len(values) < 2:
                raise ValueError(f"{name}: got {values.shape}, expected two points or more")
            steps = sign * np.diff(values)
            if not (steps > 0).all() or np.ptp(steps) > 1e-3 * steps.mean():
                raise ValueError(f"{name}: expected evenly spaced values, see MapGrid")

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return len(self.y), len(self.x)

    @property
    def pixel_m(self) -> tuple[float, float]:
        """Height and width of a pixel."""
        return float(-np.diff(self.y).mean()), float(np.diff(self.x).mean())

    def cut(self, rows: slice, columns: slice) -> MapGrid:
        """The grid of a part of the pixels."""
        return MapGrid(self.x[columns], self.y[rows], self.projection)

    def degrees(self) -> tuple[np.ndarray, np.ndarray]:
        """Latitude and longitude of the pixels, each (H, W), float64, on WGS 84."""
        import pyproj  # late: few frames are asked where they lie

        to_degrees = pyproj.Transformer.from_crs(self.projection, "EPSG:4326", always_xy=True)
        x, y = np.meshgrid(self.x, self.y)
        longitude, latitude = to_degrees.transform(x, y)
        return np.asarray(latitude), np.asarray(longitude)
