"""What was observed, by time: the truth of a forecast, and what it could begin with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.data.forecasts.onto import Part, on_pixels, part_of
from mindcast.data.forecasts.read import ForecastFile
from mindcast.data.incoming.choose import JITTER
from mindcast.data.incoming.frames import Place, RadarFrames
from mindcast.data.incoming.quantities import physical, relation
from mindcast.data.incoming.read import find_places, read_frames
from mindcast.refusal import Refusal


class Observed:
    """The frames in the files of an option (`--truth`, `--context`), read as they are asked for.

    times: of all frames, (n,), datetime64[s], rising. notes: what was taken for what in reading.
    step_minutes: between the frames of the forecast.
    """

    def __init__(
        self, inputs: Sequence[str], option: str, settings: InputSettings, step_minutes: float
    ) -> None:
        self.settings, self.option = settings, option
        whole = max(1, round(step_minutes))
        self.reader, places = find_places(inputs, settings, whole, option)
        self.places = sorted(places, key=lambda place: (place.time, place.path, place.number))
        self.times = np.array([place.time for place in self.places], "datetime64[s]")
        self._near = np.timedelta64(int(60 * JITTER * step_minutes), "s")
        self.notes: dict[str, None] = {}
        self._is_prepared = False
        self._check_once()

    def has(self, times: np.ndarray) -> np.ndarray:
        """Which of the times (n,) have a frame, but for a small jitter of clocks."""
        return np.abs(self.times[self._nearest(times)] - times) <= self._near

    def frames(self, times: np.ndarray, of: ForecastFile, unit: str) -> np.ndarray:
        """(T, H, W), float64, on the pixels of a forecast in `unit`; NaN where none is known.

        Refusal for a unit or an area that does not fit.
        """
        found = np.full((len(times), *of.shape), np.nan)
        there = self.has(times)
        chosen = [self.places[k] for k in self._nearest(times[there])]
        if chosen:
            found[there] = self._read(chosen, of, unit)
        return found

    @property
    def how(self) -> InputSettings:
        """How values become those of another unit; of data of ours nothing weak is cut off."""
        return self.settings.model_copy(update={"lower_dbz": None} if self._is_prepared else {})

    def _read(self, places: Sequence[Place], of: ForecastFile, unit: str) -> np.ndarray:
        frames = read_frames(self.reader, places, self.settings)
        self._is_prepared = frames.is_prepared
        part = self._part(frames, of)
        values, own = on_pixels(frames, part, self.settings)
        words = relation(frames.unit, unit, part.side > 1, self.how)
        self.notes.update(dict.fromkeys((*frames.notes, *part.words, *words)))
        return physical(values, own, unit, self.how)

    def _part(self, frames: RadarFrames, of: ForecastFile) -> Part:
        height, width = frames.values.shape[1:]
        names = str(frames.sources[0]), of.path.name
        return part_of(frames.grid, (height, width), of.grid, of.shape, names)

    def _nearest(self, times: np.ndarray) -> np.ndarray:
        later = np.clip(np.searchsorted(self.times, times), 0, len(self.times) - 1)
        earlier = np.maximum(later - 1, 0)
        nearer = np.abs(self.times[earlier] - times) <= np.abs(self.times[later] - times)
        return np.where(nearer, earlier, later)

    def _check_once(self) -> None:
        twice = np.flatnonzero(np.diff(self.times) == np.timedelta64(0, "s"))
        for k in twice[:1]:
            names = " and ".join(dict.fromkeys(str(p.path) for p in self.places[k : k + 2]))
            raise Refusal(
                f"{names}: hold two frames of {self.times[k]}; give {self.option} of one radar or "
                "product"
            )
