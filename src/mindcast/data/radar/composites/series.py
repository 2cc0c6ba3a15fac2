"""The frames of one area, in order of time, on the pixels and in the codes of a set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.choose import JITTER, MINUTE, check_once
from mindcast.data.incoming.formats import Reader
from mindcast.data.incoming.frames import Frame, Needed, Place, RadarFrames
from mindcast.data.incoming.model_input import on_pixels, scaled
from mindcast.data.incoming.read import check_same, find_places, read_frame
from mindcast.data.radar.scaling import whole_codes
from mindcast.mapgrid import MapGrid
from mindcast.refusal import Refusal

OPTION = "data.composites.inputs"
Run = range  # numbers of frames with none missing between them


@dataclass(frozen=True)
class Scale:
    """What a set stores: codes of values of `unit`, `maximum` for `value_scale`.

    pixel_km: side of its pixels. interval_minutes: between its frames.
    """

    unit: str
    value_scale: float
    maximum: float
    pixel_km: float
    interval_minutes: int


@dataclass(frozen=True, eq=False)
class Field:
    """One frame of a set: codes (H, W) uint8, 0 where missing; where that is; on which grid."""

    codes: np.ndarray
    missing: np.ndarray
    grid: MapGrid | None


class Series:
    """What one input holds.

    every: frames of the files to a frame of the set. notes: what was assumed and converted in those
    that were read. Refusal for a file that no reader knows, for
    two frames of one time, and for a step that is no fraction of the set's.
    """

    def __init__(self, text: str, settings: InputSettings, scale: Scale) -> None:
        self.name, self.settings, self.scale = text, settings, scale
        self.reader: Reader
        self.reader, places = find_places([text], settings, scale.interval_minutes, OPTION)
        self.places = sorted(places, key=lambda place: (place.time, place.path, place.number))
        check_once(self.places)
        self.times = np.array([place.time for place in self.places], "datetime64[s]")
        self.step_minutes, self.every = self._steps()
        self._first: tuple[Place, Frame] | None = None
        self.notes: dict[str, None] = {}

    @property
    def files(self) -> list[Path]:
        """Each once, in order of time; absolute, however the inputs were given."""
        return list(dict.fromkeys(place.path.absolute() for place in self.places))

    def runs(self, start: datetime, stop: datetime) -> Iterator[Run]:
        """The frames in [start, stop), cut where others are missing."""
        inside = (self.times >= np.datetime64(start)) & (self.times < np.datetime64(stop))
        numbers = np.flatnonzero(inside)
        if not len(numbers):
            return
        minutes = np.diff(self.times[numbers]) / MINUTE
        breaks = np.flatnonzero(np.abs(minutes - self.step_minutes) > JITTER * self.step_minutes)
        for part in np.split(numbers, breaks + 1):
            yield range(int(part[0]), int(part[-1]) + 1)

    def field(self, number: int) -> Field | None:
        """Frame `number` as a set stores it; None where all of it is missing.

        Refusal for one that differs in size, unit or place from the others, or exceeds the scale.
        """
        place = self.places[number]
        frame = read_frame(self.reader, place, self.settings)
        self._first = self._first or (place, frame)
        check_same(place, frame, *self._first)
        alone = self._alone(place, frame)
        values, grid, words = on_pixels(alone, self._needed, self.settings)
        self.notes |= dict.fromkeys((*frame.notes, *words))
        missing = np.isnan(values[0])
        if missing.all():
            return None
        where = str(place.path)
        shares = scaled(values[0], self._needed, self.settings, where)
        codes = whole_codes(np.where(missing, 0, shares * self.scale.maximum), where)
        return Field(codes, missing, grid)

    @property
    def _needed(self) -> Needed:
        of = self.scale
        return Needed(1, of.interval_minutes, None, of.value_scale, of.unit, of.pixel_km)

    def _alone(self, place: Place, frame: Frame) -> RadarFrames:
        return RadarFrames(
            frame.values[np.newaxis].astype(np.float32),
            frame.unit,
            np.array([place.time]),
            frame.grid,
            (place.path,),
            frame.notes,
            frame.is_prepared,
        )

    def _steps(self) -> tuple[float, int]:
        """Usual minutes between frames, and how many of them make the set's interval."""
        wanted = self.scale.interval_minutes
        if len(self.times) < 2:
            return float(wanted), 1
        step = float(np.median(np.diff(self.times)) / MINUTE)
        every = wanted / step
        if round(every) < 1 or abs(every - round(every)) > JITTER:
            raise Refusal(
                f"{self.name}: frames are {step:g} minutes apart, expected data.interval_minutes = "
                f"{wanted} or a fraction of it; set data.interval_minutes"
            )
        return step, round(every)
