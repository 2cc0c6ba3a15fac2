"""Downscaled temperature with all that a file must say about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class DownscaledTemperature:
    """Temperature in K on pressure levels at N times: members, a single field, or both.

    members (N, M, Z, H, W, 1) and deterministic (N, Z, H, W, 1), either may be None; levels_hpa
    (Z,), from the bottom upwards; times (N,), datetime64, UTC; latitude and longitude in degrees,
    (H,) and (W,) on a regular grid, both (H, W) on any other; x (W,) and y (H,) in metres, where
    the grid is a map's. ValueError for shapes that do not belong together.
    """

    members: np.ndarray | None
    deterministic: np.ndarray | None
    levels_hpa: np.ndarray
    times: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray
    x: np.ndarray | None = None
    y: np.ndarray | None = None

    def __post_init__(self) -> None:
        shapes = [
            (field.shape[0], *field.shape[-4:])
            for field, axes in ((self.members, 6), (self.deterministic, 5))
            if field is not None and field.ndim == axes
        ]
        height, width = self.size
        expected = (len(self.times), len(self.levels_hpa), height, width, 1)
        given = [field for field in (self.members, self.deterministic) if field is not None]
        if not given or shapes != [expected] * len(given):
            found = " and ".join(str(field.shape) for field in given) or "no field"
            raise ValueError(
                f"got {found}, expected members (N, M, Z, H, W, 1) or a deterministic field "
                f"(N, Z, H, W, 1) with (N, Z, H, W, 1) = {expected}"
            )
        apart = self.latitude.shape != self.longitude.shape
        if self.latitude.ndim != self.longitude.ndim or (self.latitude.ndim == 2 and apart):
            raise ValueError(
                f"got latitude {self.latitude.shape} and longitude {self.longitude.shape}, "
                "expected (H,) and (W,) or both (H, W)"
            )
        for name, coordinate, length in (("x", self.x, width), ("y", self.y, height)):
            if coordinate is not None and coordinate.shape != (length,):
                raise ValueError(f"got {name} {coordinate.shape}, expected ({length},)")

    @property
    def is_regular(self) -> bool:
        """Whether latitude and longitude are the axes of the grid."""
        return self.latitude.ndim == 1

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return self.latitude.shape[0], self.longitude.shape[-1]
