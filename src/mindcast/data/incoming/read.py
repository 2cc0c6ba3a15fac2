"""From the files that a user names to the input of a nowcast."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.choose import choose
from mindcast.data.incoming.find import find_files
from mindcast.data.incoming.formats import FORMATS, Reader, format_of, known_formats
from mindcast.data.incoming.frames import Frame, Incoming, Needed, Place, RadarFrames
from mindcast.data.incoming.importers import instead
from mindcast.data.incoming.pixels import Factors, block_means, coarse_grid, factors, part
from mindcast.data.incoming.quantities import check_values, physical, rain_rate, relation
from mindcast.mapgrid import MapGrid
from mindcast.refusal import Refusal


def open_incoming(
    inputs: Sequence[str], at: np.datetime64 | None, needed: Needed, settings: InputSettings
) -> Incoming:
    """The newest frames in files, folders or patterns, or those that end `at` a time (UTC).

    Refusal for files of an unknown format, of several, or damaged; for frames that are too few,
    uneven in time or wholly missing; for units that are not known; for values beyond the scale.
    """
    reader, places = find_places(inputs, settings, needed.interval_minutes)
    chosen, notes = choose(places, at, needed)
    frames = read_frames(reader, chosen, settings)
    return as_input(frames, needed, settings, notes)


def find_places(
    inputs: Sequence[str], settings: InputSettings, interval_minutes: int
) -> tuple[Reader, list[Place]]:
    """The reader of the one format that the inputs have, and all their frames."""
    files, within = find_files(inputs)
    by_format: dict[str, list[Path]] = {}
    for path in files:
        name = settings.format if settings.format != "auto" else format_of(path)
        if name is not None:
            by_format.setdefault(name, []).append(path)
        elif path not in within:
            raise Refusal(f"{path}: is {instead(path)}; can be read: {known_formats()}")
    if not by_format:
        raise Refusal(
            f"{files[0].parent}: holds no radar file, but {files[0].name} is {instead(files[0])}; "
            f"can be read: {known_formats()}"
        )
    if len(by_format) > 1:
        found = ", ".join(f"{paths[0]} ({name})" for name, paths in by_format.items())
        raise Refusal(f"--input: files of several formats, {found}; give those of one")
    ((name, paths),) = by_format.items()
    reader = FORMATS[name].reader
    places = reader.places(paths, settings, interval_minutes)
    if not places:
        raise Refusal(f"{paths[0]}: holds no frame")
    return reader, places


def read_frames(reader: Reader, places: Sequence[Place], settings: InputSettings) -> RadarFrames:
    """The frames of these places; Refusal where they differ in unit, size or place."""
    frames = [_checked(reader, place, settings) for place in places]
    first = frames[0]
    for place, frame in zip(places, frames, strict=True):
        _check_same(place, frame, places[0], first)
    return RadarFrames(
        np.stack([frame.values for frame in frames]).astype(np.float32),
        first.unit,
        np.array([place.time for place in places], "datetime64[s]"),
        first.grid,
        tuple(dict.fromkeys(place.path for place in places)),
        tuple(dict.fromkeys(note for frame in frames for note in frame.notes)),
    )


def _checked(reader: Reader, place: Place, settings: InputSettings) -> Frame:
    frame = reader.read(place, settings)
    values = check_values(frame.values, frame.unit, str(place.path))
    return Frame(values, frame.unit, frame.grid, frame.notes)


def _check_same(place: Place, frame: Frame, first_place: Place, first: Frame) -> None:
    found, expected = frame.values.shape, first.values.shape
    if found != expected:
        raise Refusal(
            f"{place.path}: has frames of {found[0]} x {found[1]}, {first_place.path.name} has "
            f"{expected[0]} x {expected[1]}; give frames of one area"
        )
    if frame.unit != first.unit:
        raise Refusal(
            f"{place.path}: holds {frame.unit}, {first_place.path.name} {first.unit}; give files "
            "of one product"
        )
    if not _same_grid(frame.grid, first.grid):
        raise Refusal(
            f"{place.path}: lies elsewhere on the map than {first_place.path.name}; give frames "
            "of one area"
        )


def _same_grid(one: MapGrid | None, other: MapGrid | None) -> bool:
    if one is None or other is None:
        return one is other
    near = 0.01 * min(one.pixel_m)
    return one.projection == other.projection and all(
        np.allclose(a, b, rtol=0, atol=near) for a, b in ((one.x, other.x), (one.y, other.y))
    )


def as_input(
    frames: RadarFrames, needed: Needed, settings: InputSettings, notes: tuple[str, ...] = ()
) -> Incoming:
    """Frames as the model takes them: its pixels, its part of the area, its unit, [0, 1].

    Refusal for an area that is too small, a frame without any pixel that is known, and values
    beyond the scale.
    """
    where = str(frames.sources[0])
    size, words = _size(frames, needed, settings, where)
    values, grid = frames.values, frames.grid
    if size is not None:
        values = block_means(rain_rate(values, frames.unit, settings), size, settings.missing_share)
        grid = None if grid is None else coarse_grid(grid, size)
    unit = frames.unit if size is None else "mm/h"
    values, grid, cut = _cut(values, grid, needed, settings, where)
    values = physical(values, unit, needed.unit, settings)
    missing = np.isnan(values)
    _check_known(missing, frames)
    scaled = _scaled(values, needed, settings, where)
    share = missing.mean()
    filled = (f"{share:.1%} of the pixels are missing and enter as 0",) if share else ()
    by = relation(frames.unit, needed.unit, size is not None, settings)
    return Incoming(
        np.where(missing, 0, scaled).astype(np.float32)[..., np.newaxis],
        missing,
        grid,
        frames.times,
        (*frames.notes, *notes, *words, *cut, *by, *filled),
        frames.sources,
    )


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
            raise Refusal("input.origin: the whole area is forecast; leave that setting out")
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


def _scaled(values: np.ndarray, needed: Needed, settings: InputSettings, where: str) -> np.ndarray:
    """The values by the model's scale, in [0, 1]; NaN stays."""
    high = float(np.nanmax(values))
    if high > needed.value_scale * (1 + 1e-6) and not settings.clip:
        raise Refusal(
            f"{where}: holds {high:g} {needed.unit}, the model's scale ends at "
            f"{needed.value_scale:g}; is the unit right? set input.clip=true to cut it off"
        )
    # below 0 dBZ is no rain to the scale, even where lower_dbz keeps it
    return np.clip(values / needed.value_scale, 0, 1)
