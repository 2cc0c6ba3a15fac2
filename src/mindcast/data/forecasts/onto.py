"""Observed frames on the pixels of a forecast: the part of them that it covers, or means of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.frames import RadarFrames
from mindcast.data.incoming.pixels import block_means
from mindcast.data.incoming.quantities import rain_rate
from mindcast.mapgrid import MapGrid
from mindcast.refusal import Refusal

NEAR = 0.1  # of an observed pixel: by so much its edges may lie beside a forecast pixel's


@dataclass(frozen=True)
class Part:
    """The observed pixels that lie in those of a forecast, `side` x `side` in each."""

    rows: slice
    columns: slice
    side: int = 1

    @property
    def words(self) -> tuple[str, ...]:
        """What is done, for the report; nothing where the pixels are the same."""
        if self.side == 1:
            return ()
        return (f"the truth is the mean rain rate over {self.side} x {self.side} of its pixels",)


def part_of(
    observed: MapGrid | None,
    has: tuple[int, int],
    forecast: MapGrid | None,
    wanted: tuple[int, int],
    names: tuple[str, str],
) -> Part:
    """Where a forecast of `wanted` pixels lies among those `has` observed.

    names: of the files of both. Where one has no map both must have the same shape. Refusal where
    the pixels of the forecast are not made of whole observed ones, or go beyond them.
    """
    truth, of = names
    if observed is None or forecast is None:
        if has == wanted:
            return Part(slice(0, has[0]), slice(0, has[1]))
        raise Refusal(
            f"{truth}: has frames of {has[0]} x {has[1]} pixels, the forecast {of} of "
            f"{wanted[0]} x {wanted[1]}, and not both state where they lie; give a truth on the "
            "forecast's pixels"
        )
    rows, columns = _places(observed, forecast)
    skew = max(np.ptp(rows, axis=1).max(), np.ptp(columns, axis=0).max())
    (top, down), (left, across) = (
        _first_and_side(places, count)
        for places, count in ((rows[:, 0], wanted[0]), (columns[0], wanted[1]))
    )
    if not skew <= 2 * NEAR or down != across or not down:
        raise Refusal(
            f"{truth}: its pixels of {_size(observed)} km are no whole parts of those of the "
            f"forecast {of}, {_size(forecast)} km, or lie askew to them; bring the truth onto the "
            "forecast's grid"
        )
    ends = top + down * wanted[0], left + across * wanted[1]
    if min(top, left) < 0 or ends[0] > has[0] or ends[1] > has[1]:
        raise Refusal(
            f"{truth}: does not cover the area of the forecast {of}, which takes rows {top} to "
            f"{ends[0] - 1} and columns {left} to {ends[1] - 1} of its {has[0]} x {has[1]}; give a "
            "truth of that area"
        )
    return Part(slice(top, ends[0]), slice(left, ends[1]), down)


def _first_and_side(places: np.ndarray, count: int) -> tuple[int, int]:
    """The first observed row (column) in a forecast's first, and how many lie in each of them.

    0 of them where they are no whole number, or do not begin together.
    """
    steps = (places[-1] - places[0]) / (count - 1)
    if not np.isfinite(places).all() or not 0.5 < steps < max(count, 1000):
        return 0, 0
    side = round(steps)
    first = places[0] - (side - 1) / 2
    middle = places[0] + (count // 2) * side
    off = max(abs(first - round(first)), abs(places[-1] - places[0] - side * (count - 1)))
    off = max(off, abs(places[1] - middle))
    return round(first), side if off <= NEAR else 0


def _size(grid: MapGrid) -> str:
    return " x ".join(f"{metres / 1000:.4g}" for metres in grid.pixel_m)


def on_pixels(frames: RadarFrames, part: Part, settings: InputSettings) -> tuple[np.ndarray, str]:
    """The values (T, H, W) on the forecast's pixels, and their unit; NaN is missing."""
    values = frames.values[:, part.rows, part.columns]
    if part.side == 1:
        return values, frames.unit
    rain = rain_rate(values, frames.unit, settings)
    return block_means(rain, (part.side, part.side), settings.missing_share), "mm/h"


def _places(observed: MapGrid, forecast: MapGrid) -> tuple[np.ndarray, np.ndarray]:
    """Row and column, (3, 3), in the observed frames of nine pixels of the forecast."""
    y, x = (axis[[0, len(axis) // 2, -1]] for axis in (forecast.y, forecast.x))
    across, down = np.meshgrid(x, y)
    if observed.projection != forecast.projection:
        import pyproj  # late: it is slow

        move = pyproj.Transformer.from_crs(
            forecast.projection, observed.projection, always_xy=True
        ).transform
        across, down = (np.asarray(values) for values in move(across, down))
    height, width = observed.pixel_m
    return (observed.y[0] - down) / height, (across - observed.x[0]) / width
