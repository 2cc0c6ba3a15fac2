"""Radar frames as a model takes them: its pixels, its part of the area, its unit, [0, 1]."""

from __future__ import annotations

import numpy as np

from mindcast.config.incoming import Conversion, InputSettings
from mindcast.data.incoming.frames import Incoming, Needed, RadarFrames
from mindcast.data.incoming.pixels import Factors, block_means, coarse_grid, factors, part
from mindcast.data.incoming.quantities import physical, rain_rate, relation
from mindcast.mapgrid import MapGrid
from mindcast.refusal import Refusal


def as_input(
    frames: RadarFrames, needed: Needed, settings: InputSettings, notes: tuple[str, ...] = ()
) -> Incoming:
    """Frames as the model takes them: its pixels, its part of the area, its unit, [0, 1].

    Refusal for an area that is too small, a frame without any pixel that is known, and values
    beyond the scale.
    """
    values, grid, words = on_pixels(frames, needed, settings)
    missing = np.isnan(values)
    _check_known(missing, frames)
    values = scaled(values, needed, settings, str(frames.sources[0]))
    share = missing.mean()
    filled = (f"{share:.1%} of the pixels are missing and enter as 0",) if share else ()
    return Incoming(
        np.where(missing, 0, values).astype(np.float32)[..., np.newaxis],
        missing,
        grid,
        frames.times,
        (*frames.notes, *notes, *words, *filled),
        frames.sources,
    )


def on_pixels(
    frames: RadarFrames, needed: Needed, settings: InputSettings
) -> tuple[np.ndarray, MapGrid | None, tuple[str, ...]]:
    """Values (T, H, W), float64, in the model's unit on its pixels and its part of the area.

    NaN is missing. With their grid, and what was done in words. Refusal for too small an area.
    """
    where = str(frames.sources[0])
    size, words = _size(frames, needed, settings, where)
    values, grid = frames.values, frames.grid
    if size is not None:
        values = block_means(rain_rate(values, frames.unit, settings), size, settings.missing_share)
        grid = None if grid is None else coarse_grid(grid, size)
    unit = frames.unit if size is None else "mm/h"
    how = _conversion(frames, settings)
    values, grid, cut = _cut(values, grid, needed, settings, where)
    by = relation(frames.unit, needed.unit, size is not None, how)
    return physical(values, unit, needed.unit, how), grid, (*words, *cut, *by)


def _conversion(frames: RadarFrames, settings: InputSettings) -> Conversion:
    """The settings, but that nothing is cut off what was prepared before."""
    return settings.model_copy(update={"lower_dbz": None}) if frames.is_prepared else settings


def _size(
    frames: RadarFrames, needed: Needed, settings: InputSettings, where: str
) -> tuple[Factors | None, tuple[str, ...]]:
    """Over how many pixels to take means (None: over none), and that in words."""
    if settings.resample == "none" or needed.pixel_km is None:
        return None, ()
    own = _pixel_km(frames, settings)
    if own is None:
        return None, (
            f"the files do not say how large their pixels are: taken as the model's "
            f"{needed.pixel_km:g} km (set input.pixel_km where that is wrong)",
        )
    size = factors(own, needed.pixel_km, where)
    if size == (1.0, 1.0):
        return None, ()
    return size, (
        f"mean rain rate over {size[0]:g} x {size[1]:g} pixels of {own[0]:g} km: pixels of "
        f"{needed.pixel_km:g} km, the model's",
    )


def _pixel_km(frames: RadarFrames, settings: InputSettings) -> tuple[float, float] | None:
    given = settings.pixel_km
    if frames.grid is None:
        return None if given is None else (given, given)
    height, width = (round(metres / 1000, 6) for metres in frames.grid.pixel_m)
    if given is not None and max(abs(height - given), abs(width - given)) > 0.05 * given:
        raise Refusal(
            f"input.pixel_km = {given:g}: {frames.sources[0]} says {height:g} x {width:g} km; "
            "leave that setting out"
        )
    return height, width


def _cut(
    values: np.ndarray,
    grid: MapGrid | None,
    needed: Needed,
    settings: InputSettings,
    where: str,
) -> tuple[np.ndarray, MapGrid | None, tuple[str, ...]]:
    """The model's frame out of the domain, and that in words."""
    if needed.frame is None:
        if settings.origin is not None:
            raise Refusal("input.origin: the whole area is forecast; set input.crop=true too")
        return values, grid, ()
    height, width = values.shape[-2:]
    rows, columns = part((height, width), needed.frame, settings.origin, where)
    if (height, width) == tuple(needed.frame):
        return values, grid, ()
    words = (
        f"{needed.frame[0]} x {needed.frame[1]} of {height} x {width} pixels, from row "
        f"{rows.start} and column {columns.start} on"
    )
    return values[:, rows, columns], grid and grid.cut(rows, columns), (words,)


def _check_known(missing: np.ndarray, frames: RadarFrames) -> None:
    for number in np.flatnonzero(missing.all(axis=(1, 2)))[:1]:
        path = frames.sources[min(int(number), len(frames.sources) - 1)]
        raise Refusal(
            f"{path}: the frame of {frames.times[number]} is wholly missing (within what the model "
            "sees); give another --at, or choose an area with data by input.origin"
        )


def scaled(values: np.ndarray, needed: Needed, settings: InputSettings, where: str) -> np.ndarray:
    """The values by the model's scale, in [0, 1]; NaN stays. Refusal for those beyond it."""
    high = float(np.nanmax(values, initial=0.0))
    if high > needed.value_scale * (1 + 1e-6) and not settings.clip:
        raise Refusal(
            f"{where}: holds {high:g} {needed.unit}, the model's scale ends at "
            f"{needed.value_scale:g}; is the unit right? set input.clip=true to cut it off"
        )
    # below 0 dBZ is no rain to the scale, even where lower_dbz keeps it
    return np.clip(values / needed.value_scale, 0, 1)
