"""A part of a file, and whether two splits of such parts keep apart in time or in place."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mindcast.data.temperature.field_file import FieldFile
from mindcast.data.temperature.grid import Grid, turned
from mindcast.data.temperature.settings import TemperatureSettings
from mindcast.data.temperature.states import State
from mindcast.refusal import Refusal

Box = tuple[slice, slice]


@dataclass(frozen=True)
class Part:
    """What a split takes of one file: some of its states, within one rectangle of its grid."""

    file: FieldFile
    states: tuple[State, ...]
    box: Box

    @property
    def times(self) -> np.ndarray:
        return np.array([state.time for state in self.states], "datetime64[m]")


def check_apart(
    settings: TemperatureSettings, one: tuple[str, list[Part]], other: tuple[str, list[Part]]
) -> None:
    """Refusal if two splits hold the same place at times less than the gap apart."""
    gap = np.timedelta64(round(settings.gap_hours * 60), "m")
    if _close_times(_all_times(one[1]), _all_times(other[1]), gap) is None:
        return
    for a, b in itertools.product(one[1], other[1]):
        pair = _close_times(a.times, b.times, gap)
        if pair is not None and _overlap(a, b, settings.gap_cells):
            names = f"data.{one[0]} and data.{other[0]}"
            raise Refusal(
                f"{names} overlap: {a.file.path.name} at {pair[0]} and "
                f"{b.file.path.name} at {pair[1]} share a region (gap_hours = "
                f"{settings.gap_hours:g}, gap_cells = {settings.gap_cells}); move "
                "their times or regions apart"
            )


def _all_times(parts: Sequence[Part]) -> np.ndarray:
    return np.concatenate([part.times for part in parts])


def _close_times(
    one: np.ndarray, other: np.ndarray, gap: np.timedelta64
) -> tuple[np.datetime64, np.datetime64] | None:
    """A pair of times that are equal or less than the gap apart, if there is one."""
    one, other = np.unique(one), np.unique(other)
    right = np.searchsorted(other, one)
    for offset in (-1, 0):
        nearest = np.clip(right + offset, 0, len(other) - 1)
        distance = np.abs(other[nearest] - one)
        close = np.flatnonzero((distance < gap) | (distance == np.timedelta64(0, "m")))
        if len(close):
            return one[close[0]], other[nearest[close[0]]]
    return None


def _overlap(a: Part, b: Part, gap_cells: int) -> bool:
    first = _columns_apart(a.file.grid, b.file.grid)
    if first is not None:
        width = a.file.grid.shape[1] if a.file.grid.metric.periodic else 0
        return _meet(a.box[0], b.box[0], gap_cells) and any(
            _meet(a.box[1], slice(b.box[1].start + turn, b.box[1].stop + turn), gap_cells)
            for turn in {first - width, first, first + width}
        )
    return all(_spans_meet(a.file.grid.cut(*a.box), b.file.grid.cut(*b.box)))


def _columns_apart(a: Grid, b: Grid) -> int | None:
    """By how many columns b begins east of a; None where their points differ."""
    if a.equals(b):
        return 0
    if a.shape != b.shape or not (a.metric.periodic and b.metric.periodic):
        return None
    width = a.shape[1]
    first = round((b.x.values[0] - a.x.values[0]) % 360 * width / 360) % width
    return first if turned(a, first, float(b.x.values[0])).equals(b) else None


def _meet(a: slice, b: slice, gap: int) -> bool:
    """Whether two spans share an index or have fewer than `gap` between them."""
    return a.start < b.stop + gap and b.start < a.stop + gap


def _spans_meet(a: Grid, b: Grid) -> Iterator[bool]:
    """Whether the spans of latitude, and those of longitude, of two grids meet."""
    yield a.latitude.min() <= b.latitude.max() and b.latitude.min() <= a.latitude.max()
    yield any(
        a.longitude.min() <= b.longitude.max() + turn
        and b.longitude.min() + turn <= a.longitude.max()
        for turn in (-360, 0, 360)
    )
