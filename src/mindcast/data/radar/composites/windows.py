"""The windows of a set: so many frames of one tile, none missing, with enough rain.

Files are read in order of time, twice: once to choose the tiles, once to cut them. Memory holds
the frames of one window of the whole area.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mindcast.data.radar.composites.series import Field, Run, Scale, Series
from mindcast.data.radar.composites.settings import CompositesSettings, Period
from mindcast.data.radar.composites.tiles import Area, Origin, check_inside
from mindcast.mapgrid import MapGrid
from mindcast.physics.reflectivity import VIL_OFFSET, VIL_PER_DBZ
from mindcast.refusal import Refusal

Advance = Callable[[], object]


@dataclass(frozen=True, eq=False)
class Window:
    """Codes (T, H, W) uint8 of a tile with `origin`, of `times` (T,) datetime64[s] UTC.

    grid: of the tile; None where the files do not say it. source: the input that it is cut out of.
    """

    codes: np.ndarray
    times: np.ndarray
    origin: Origin
    grid: MapGrid | None
    source: str


@dataclass(frozen=True)
class Cut:
    """The shape of windows: `length` frames of `tile`; how they are chosen is in `how`."""

    length: int
    tile: tuple[int, int]
    how: CompositesSettings
    scale: Scale

    @property
    def limits(self) -> list[tuple[float, float]]:
        """(code, share) of the rain that a window must have."""
        scale = self.scale
        per_unit = scale.maximum / scale.value_scale
        found = []
        for dbz, share in self.how.rain:
            value = VIL_OFFSET + VIL_PER_DBZ * dbz if scale.unit == "VIL" else dbz
            found.append((value * per_unit, share))
        return found


def windows_of(
    series: Series, periods: Sequence[Period], cut: Cut, advance: Advance
) -> Iterator[Window]:
    """The windows of one area in some periods, in order of time, then of the tiles.

    advance: called for every frame that is read, see `frames_to_read`.
    Refusal where the area is too small for a tile.
    """
    runs = [run for period in periods for run in series.runs(*period)]
    if not any(len(run) > (cut.length - 1) * series.every for run in runs):
        return
    origins = _origins(series, runs, cut, advance)
    for run in runs:
        yield from _of_run(series, run, origins, cut, advance)


def frames_to_read(series: Series, periods: Sequence[Period], cut: Cut) -> int:
    """How often `windows_of` advances."""
    lengths = [len(run) for period in periods for run in series.runs(*period)]
    if not any(length > (cut.length - 1) * series.every for length in lengths):
        return 0
    return sum(lengths) * (1 if cut.how.origins else 2)


def _origins(series: Series, runs: Sequence[Run], cut: Cut, advance: Advance) -> list[Origin]:
    how = cut.how
    if how.origins:
        return list(how.origins)
    area = Area(cut.limits[0][0] if cut.limits else 1.0)
    for number in (number for run in runs for number in run):
        field = series.field(number)
        advance()
        if field is not None:
            area.add(field)
    origins = area.origins(cut.tile, how.tiles, how.tile_gap, how.missing_share)
    if not origins:
        height, width = area.shape
        raise Refusal(
            f"{series.name}: no tile of {cut.tile[0]} x {cut.tile[1]} pixels lies wholly where the "
            f"radar sees, in {height} x {width} pixels of {cut.scale.pixel_km:g} km; take smaller "
            "tiles or pixels, or allow some missing by missing_share"
        )
    return origins


def _of_run(
    series: Series, run: Run, origins: Sequence[Origin], cut: Cut, advance: Advance
) -> Iterator[Window]:
    """The windows of frames without a gap; one that is wholly missing is a gap too."""
    span = (cut.length - 1) * series.every + 1
    kept: deque[Field] = deque(maxlen=span)
    start = run.start
    for number in run:
        field = series.field(number)
        advance()
        if field is None:
            kept.clear()
            start = number + 1
            continue
        kept.append(field)
        first = number - span + 1
        if first < start or (first - start) // series.every % cut.how.stride:
            continue
        chosen = range(first, number + 1, series.every)
        fields = [kept[k - first] for k in chosen]
        times = series.times[chosen.start : chosen.stop : chosen.step]
        yield from _of_tiles(series, fields, times, origins, cut)


def _of_tiles(
    series: Series,
    fields: Sequence[Field],
    times: np.ndarray,
    origins: Sequence[Origin],
    cut: Cut,
) -> Iterator[Window]:
    if not check_inside(origins, cut.tile, fields[0].codes.shape):
        height, width = fields[0].codes.shape
        raise Refusal(
            f"{series.name}: origins = {[list(o) for o in origins]}: tiles of {cut.tile[0]} x "
            f"{cut.tile[1]} do not all lie in its {height} x {width} pixels of "
            f"{cut.scale.pixel_km:g} km; choose others"
        )
    for origin in origins:
        rows, columns = (slice(o, o + t) for o, t in zip(origin, cut.tile, strict=True))
        missing = np.array([field.missing[rows, columns].mean() for field in fields])
        if missing.max() > cut.how.missing_share:
            continue
        codes = np.stack([field.codes[rows, columns] for field in fields])
        if all((codes >= code).mean() >= share for code, share in cut.limits):
            grid = fields[0].grid and fields[0].grid.cut(rows, columns)
            yield Window(codes, times, origin, grid, series.name)
