"""What passes between the reading of files and a forecast: places, frames, needs, input."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mindcast.mapgrid import MapGrid

NO_ECHO_DBZ = -50.0  # what was radiated without an echo: no rain
NO_MAP = "the files do not say where they lie: no map, row 0 is taken as north"


@dataclass(frozen=True)
class Place:
    """One frame that a file holds: its number there, and when it was taken, UTC.

    part: of the file, where it has several (a variable, an event, a sequence).
    """

    path: Path
    time: np.datetime64
    number: int = 0
    part: str = ""


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame as read: values (H, W), floats, NaN = missing, row 0 in the north.

    unit: "dBZ", "mm/h" or "VIL" (SEVIR's codes). notes: what was assumed or put right in reading.
    is_prepared: whether it is of a data set of ours, so that nothing weak is to be cut off.
    """

    values: np.ndarray
    unit: str
    grid: MapGrid | None = None
    notes: tuple[str, ...] = ()
    is_prepared: bool = False


@dataclass(frozen=True, eq=False)
class RadarFrames:
    """A series of frames: values (T, H, W) float32 in `unit` ("dBZ", "mm/h", "VIL"), NaN = missing.

    times: (T,) datetime64[s] UTC, oldest first. sources: the files, each once. is_prepared: see
    Frame.
    """

    values: np.ndarray
    unit: str
    times: np.ndarray
    grid: MapGrid | None
    sources: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    is_prepared: bool = False


@dataclass(frozen=True)
class Needed:
    """What a model wants of its input.

    frames: how many, `interval_minutes` apart. frame: (H, W); None: the whole domain.
    value_scale: physical value of 1, in `unit`, "dBZ" or "VIL". pixel_km: side of its pixels; None
    where that is not known.
    """

    frames: int
    interval_minutes: int
    frame: tuple[int, int] | None
    value_scale: float
    unit: str
    pixel_km: float | None = None


@dataclass(frozen=True, eq=False)
class Incoming:
    """The input of a nowcast.

    context: (T, H, W, 1) float32 in [0, 1], 0 where missing. missing: (T, H, W) bool.
    grid: where the pixels lie; None where the files do not say it. times: (T,) datetime64[s] UTC.
    notes: a line for all that was thinned, resampled, cut, filled or converted, and how.
    """

    context: np.ndarray
    missing: np.ndarray
    grid: MapGrid | None
    times: np.ndarray
    notes: tuple[str, ...]
    sources: tuple[Path, ...] = ()
