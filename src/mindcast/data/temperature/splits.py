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
from mindcast.data.temperature.parts import Part, check_apart
from mindcast.data.temperature.scan import scan
from mindcast.data.temperature.settings import PartSettings, TemperatureSettings
from mindcast.data.temperature.states import State
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
        _part(file, tuple(s for s in file.states if s.time.item() in own), whole, split)
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
        _part(file, tuple(s for s in file.states if inside(s.time)), chosen, split)
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
        if not (root / name).is_dir() and root / name not in without
    }


def _files(settings: TemperatureSettings, chosen: PartSettings) -> list[FieldFile]:
    paths = _paths(settings, chosen)
    for path in paths:
        if not path.exists():
            raise Refusal(f"{path}: is a link to a file that is not there; mend or remove it")
    if not paths:
        raise Refusal(f"{settings.root_dir}: {_nothing(settings, chosen)}")
    return [scan(path, settings.wind_axes, surface) for path, surface in paths.items()]


def _nothing(settings: TemperatureSettings, chosen: PartSettings) -> str:
    """Why no file is found, and what to do."""
    root, patterns = Path(settings.root_dir), chosen.files or settings.files
    if any("://" in name for name in (settings.root_dir, *patterns)):
        return (
            "is an address, expected a folder; fetch the files first (ncks or nccopy ADDRESS OUT)"
        )
    folders = [name for pattern in patterns for name in glob.glob(pattern, root_dir=root)]
    if folders:
        return (
            f"{folders[0]} is a folder, perhaps a Zarr store, expected NetCDF files; write it as "
            "NetCDF first (xarray: open_zarr, to_netcdf), or fix data.files"
        )
    problem = f"no file matches {', '.join(patterns)}" if root.is_dir() else "no such folder"
    return f"{problem}; fix data.root_dir or data.files"


def _part(file: FieldFile, states: tuple[State, ...], chosen: PartSettings, split: str) -> Part:
    """Those states on the rectangle of the grid that a split asks for; Refusal if it is not inside.

    A grid that closes the circle is turned so that a rectangle across its first column is one.
    """
    height, width = file.grid.shape
    rows = _span(file, chosen.rows, height, f"data.{split}.rows")
    closed = file.grid.metric.periodic
    columns = _span(file, chosen.columns, width, f"data.{split}.columns", closed)
    if (chosen.latitude or chosen.longitude) and not file.grid.regular:
        raise Refusal(
            f"{file.path}: data.{split}.latitude and longitude are for "
            "latitude-longitude grids; give rows and columns"
        )
    if chosen.latitude:
        south, north = chosen.latitude
        latitude = file.grid.y.values
        inside = (latitude >= south) & (latitude <= north)
        rows = _run(file, inside, f"data.{split}.latitude = {[south, north]}")
    if chosen.longitude:
        west, east = chosen.longitude
        reach = (east - west) % 360 or 360 * (east != west)  # [0, 360] is all
        inside = (file.grid.x.values - west) % 360 <= reach
        columns = _run(file, inside, f"data.{split}.longitude = {[west, east]}", closed)
    if columns.stop <= width:
        return Part(file, states, (rows, columns))
    first = columns.start
    west = chosen.longitude[0] if chosen.longitude else float(file.grid.x.values[first])
    return Part(file.turned(first, west), states, (rows, slice(0, columns.stop - columns.start)))


def _span(
    file: FieldFile, span: tuple[int, int] | None, size: int, key: str, closed: bool = False
) -> slice:
    """The indices of a key; on a closed circle they may pass the last one."""
    if span is None:
        return slice(0, size)
    first, last = span
    if last > size and not (closed and first < size and last - first <= size):
        raise Refusal(f"{file.path}: {key} = {list(span)}, the grid has {size}; fix the key")
    return slice(first, last)


def _run(file: FieldFile, inside: np.ndarray, key: str, closed: bool = False) -> slice:
    """The one run of indices that lie inside; on a closed circle it may pass the last one."""
    found, size = np.flatnonzero(inside), len(inside)
    if closed and 0 < len(found) < size and inside[0] and inside[-1]:
        first = int(np.flatnonzero(~inside)[-1]) + 1
        if len(found) == size - first + int(np.flatnonzero(~inside)[0]):
            return slice(first, first + len(found))
    if not len(found) or len(found) != found[-1] - found[0] + 1:
        what = "crosses the first column of the grid" if len(found) else "holds no point"
        longitude = file.grid.x.values
        raise Refusal(
            f"{file.path}: {key} {what}, which has longitudes {longitude[0]:g} to "
            f"{longitude[-1]:g} and latitudes {file.grid.y.values[0]:g} to "
            f"{file.grid.y.values[-1]:g}; fix the key"
        )
    return slice(int(found[0]), int(found[-1]) + 1)
