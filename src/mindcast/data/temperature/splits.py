"""Which states, and which part of their grid, belong to train, val and test.

Parts are chosen by time, by region, or by both; no two of them may share a time and a place, see
`parts`.
"""

from __future__ import annotations

import glob
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mindcast.data.base import SPLITS, Split
from mindcast.data.temperature.field_file import FieldFile
from mindcast.data.temperature.parts import Box, Part, check_apart
from mindcast.data.temperature.scan import scan
from mindcast.data.temperature.settings import PartSettings, TemperatureSettings
from mindcast.refusal import Refusal


def parts_of(settings: TemperatureSettings, split: Split) -> list[Part]:
    """The parts of a split, in the order of the files' names; Refusal if it is empty or overlaps.

    Another split is compared with where its files are there: a test needs no training data.
    """
    if not settings.parts:
        return _by_shares(settings, split)
    parts = _chosen(settings, split)
    for other, given in settings.parts.items():
        if other != split and _paths(settings, given):
            check_apart(settings, (split, parts), (other, _chosen(settings, other)))
    return parts


def _by_shares(settings: TemperatureSettings, split: Split) -> list[Part]:
    """Times in order, the first share for training, the next for validation, the rest to test."""
    whole = PartSettings()
    files = _files(settings, whole)
    times = np.unique([state.time for file in files for state in file.states])
    if len(times) < len(SPLITS):
        raise Refusal(
            f"{settings.root_dir}: {len(times)} different times, expected {len(SPLITS)} "
            "at least to split by time; give data.train, data.val and data.test "
            "regions (rows, columns)"
        )
    own = set(_dealt_out(times, settings)[split].tolist())
    parts = [
        Part(file, tuple(s for s in file.states if s.time.item() in own), _box(file, whole, split))
        for file in files
    ]
    parts = [part for part in parts if part.states]
    if not parts:
        raise Refusal(
            f"{settings.root_dir}: no time left for the {split} split after a gap of "
            f"{settings.gap_hours:g} hours; lower data.gap_hours"
        )
    return parts


def _dealt_out(times: np.ndarray, settings: TemperatureSettings) -> dict[str, np.ndarray]:
    """Rising times by split, at least one each, less those in the gap after the split before."""
    count = len(times)
    val, test = (max(1, round(share * count)) for share in settings.time_shares[1:])
    first = max(1, count - val - test)
    runs = np.split(times, [first, min(first + val, count - 1)])
    gap = np.timedelta64(round(settings.gap_hours * 60), "m")
    last = runs[0][-1]
    for number in (1, 2):
        runs[number] = runs[number][runs[number] - last >= gap]
        last = runs[number][-1] if len(runs[number]) else last
    return dict(zip(SPLITS, runs, strict=True))


def _chosen(settings: TemperatureSettings, split: Split) -> list[Part]:
    """The parts that the settings of a split describe."""
    chosen = settings.parts.get(split)
    if chosen is None:
        raise Refusal(
            f"data.{split} is missing though another split is described; add it, or "
            "leave out all three to deal the times out"
        )
    inside = _within(chosen)
    files = _files(settings, chosen)
    parts = [
        Part(file, tuple(s for s in file.states if inside(s.time)), _box(file, chosen, split))
        for file in files
    ]
    parts = [part for part in parts if part.states]
    if not parts:
        times = np.unique([state.time for file in files for state in file.states])
        wanted = f"{chosen.start or 'the first'} to {chosen.end or 'the last'}"
        raise Refusal(
            f"{settings.root_dir}: no time in the {split} split ({wanted}); "
            f"the files run from {times[0]} to {times[-1]} ({len(times)} times); change "
            f"data.{split}.start and end, or split by region (rows, columns)"
        )
    return parts


def _within(chosen: PartSettings) -> Callable[[np.datetime64], bool]:
    def inside(time: np.datetime64) -> bool:
        after = chosen.start is None or time >= np.datetime64(chosen.start)
        return bool(after and (chosen.end is None or time <= np.datetime64(chosen.end)))

    return inside


def _paths(settings: TemperatureSettings, chosen: PartSettings) -> dict[Path, Path | None]:
    """Files with levels in the order of their names, each with its file of the surface."""
    root, surfaces = Path(settings.root_dir), settings.surface_files
    patterns = chosen.files or settings.files
    each = surfaces if len(surfaces) == len(patterns) else (surfaces or (None,)) * len(patterns)
    found: dict[str, str | None] = {}
    for pattern, surface in zip(patterns, each, strict=True):
        for name in glob.glob(pattern, root_dir=root, recursive=True):
            found.setdefault(name, surface)
    without = {root / name for name in surfaces}
    return {
        root / name: None if surface is None else root / surface
        for name, surface in sorted(found.items())
        if (root / name).is_file() and root / name not in without
    }


def _files(settings: TemperatureSettings, chosen: PartSettings) -> list[FieldFile]:
    paths = _paths(settings, chosen)
    if not paths:
        patterns = ", ".join(chosen.files or settings.files)
        there = Path(settings.root_dir).is_dir()
        problem = f"no file matches {patterns}" if there else "no such folder"
        raise Refusal(f"{settings.root_dir}: {problem}; fix data.root_dir or data.files")
    return [scan(path, settings.wind_axes, surface) for path, surface in paths.items()]


def _box(file: FieldFile, chosen: PartSettings, split: str) -> Box:
    """The rectangle of the file's grid that a split asks for; Refusal if it is not inside."""
    height, width = file.grid.shape
    rows = _span(file, chosen.rows, height, f"data.{split}.rows")
    columns = _span(file, chosen.columns, width, f"data.{split}.columns")
    if chosen.latitude or chosen.longitude:
        if not file.grid.regular:
            raise Refusal(
                f"{file.path}: data.{split}.latitude and longitude are for "
                "latitude-longitude grids; give rows and columns"
            )
        latitude, longitude = file.grid.y.values, file.grid.x.values
        if chosen.latitude:
            south, north = chosen.latitude
            inside = (latitude >= south) & (latitude <= north)
            rows = _run(file, inside, f"data.{split}.latitude = {[south, north]}")
        if chosen.longitude:
            west, east = chosen.longitude
            inside = (longitude - west) % 360 <= (east - west) % 360
            columns = _run(file, inside, f"data.{split}.longitude = {[west, east]}")
    return rows, columns


def _span(file: FieldFile, span: tuple[int, int] | None, size: int, key: str) -> slice:
    if span is None:
        return slice(0, size)
    if span[1] > size:
        raise Refusal(f"{file.path}: {key} = {list(span)}, the grid has {size}; fix the key")
    return slice(*span)


def _run(file: FieldFile, inside: np.ndarray, key: str) -> slice:
    """The one run of indices that lie inside."""
    found = np.flatnonzero(inside)
    if not len(found) or len(found) != found[-1] - found[0] + 1:
        what = "crosses the first column of the grid" if len(found) else "holds no point"
        longitude = file.grid.x.values
        raise Refusal(
            f"{file.path}: {key} {what}, which has longitudes {longitude[0]:g} to "
            f"{longitude[-1]:g} and latitudes {file.grid.y.values[0]:g} to "
            f"{file.grid.y.values[-1]:g}; fix the key"
        )
    return slice(int(found[0]), int(found[-1]) + 1)
