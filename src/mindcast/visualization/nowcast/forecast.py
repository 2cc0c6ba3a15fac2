"""A forecast whose truth nobody knows yet: sheets of maps and a film."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from mindcast.mapgrid import MapGrid
from mindcast.visualization.colours import VALUE_SCALES, map_palette, map_probability_palette
from mindcast.visualization.nowcast.film import Film
from mindcast.visualization.nowcast.ground import Ground, ground_of
from mindcast.visualization.nowcast.rows import (
    LEFT,
    Bar,
    Key,
    Row,
    Sheet,
    evenly_spread,
    frames_of,
)
from mindcast.visualization.nowcast.stage import Stage
from mindcast.visualization.saving import DPI, save_image
from mindcast.visualization.sheet import add_title
from mindcast.visualization.times import clock, moment, signed

SIDE, FILM_SIDE, COLUMNS = 1.8, 2.8, 5  # inches, inches, frames in a row at most
IN_FILM = 2  # members beside the mean
TENTHS = tuple(k / 10 for k in range(11))


@dataclass(frozen=True, eq=False)
class Forecast:
    """Fields (T, H, W) in `unit`, a key of `colours.VALUE_SCALES`; NaN is missing.

    name: of what made it. times: valid times, UTC, of the frames; start: of the last one observed.
    members: the first ones, of `count` in all, or the one forecast that has no members (`count`
    None). mean: of all members, None if there is one alone. probabilities: to reach a threshold.
    context: (Tc, H, W), what was observed, at `context_times`; it may be empty.
    """

    name: str
    unit: str
    times: np.ndarray
    start: np.datetime64
    members: tuple[np.ndarray, ...]
    count: int | None
    context: np.ndarray
    context_times: np.ndarray
    mean: np.ndarray | None = None
    probabilities: Mapping[float, np.ndarray] = field(default_factory=dict)
    grid: MapGrid | None = None

    @property
    def fields(self) -> dict[str, np.ndarray]:
        """Mean, if there is one, and the members at hand, by what they are called."""
        if self.count is None:
            return {"forecast": self.members[0]}
        mean = {} if self.mean is None else {f"mean of {self.count}": self.mean}
        return {**mean, **{f"member {m}": frames for m, frames in enumerate(self.members)}}

    @property
    def title(self) -> str:
        """What is forecast, by whom and from when."""
        return f"{self.name}, forecast from {moment(self.start)}"

    @cached_property
    def ground(self) -> Ground:
        """What the frames lie on, the same for all pictures."""
        _, height, width = self.members[0].shape
        return ground_of(self.grid, (height, width))

    def minutes(self, times: np.ndarray) -> np.ndarray:
        """Of times, from the start of the forecast."""
        return (times - self.start) // np.timedelta64(1, "m")


def draw_forecast(folder: Path, forecast: Forecast, stem: str = "forecast") -> Iterator[Path]:
    """`Pictures` of one forecast alone."""
    yield from Pictures(forecast).draw(folder, forecast, stem)


class Pictures:
    """The pictures of forecasts like a given one, of which any values are left out.

    All that does not depend on values is drawn when this is made; the forecasts that are drawn
    then have as many members, frames, pixels and thresholds, and the same times.
    """

    def __init__(self, like: Forecast) -> None:
        self._sheet = _stage(like, _fields(like))
        self._chances = _stage(like, _chances(like)) if like.probabilities else None
        scale = VALUE_SCALES[like.unit]
        self._film = Film(
            [*_in_film(like)],
            title=f"{like.name} from {moment(like.start)}",
            key=Bar(map_palette(like.unit), scale.label, scale.levels, like.unit),
            side=FILM_SIDE,
            ground=like.ground,
        )

    def draw(self, folder: Path, forecast: Forecast, stem: str = "forecast") -> Iterator[Path]:
        """Draw a forecast into a folder; gives each picture as soon as it is complete.

        STEM.png: what was observed, mean and members; STEM_probability.png, where there are
        probabilities; STEM.gif: observation, then mean and members, through time. On a map's
        coordinates where `grid` is known. Refusal where they cannot be written.
        """
        sheet, film = folder / f"{stem}.png", folder / f"{stem}.gif"
        save_image(self._sheet.painted(frames_of(_fields(forecast))), sheet)
        yield sheet
        if self._chances is not None:
            chances = folder / f"{stem}_probability.png"
            save_image(self._chances.painted(frames_of(_chances(forecast))), chances)
            yield chances
        times = np.concatenate([forecast.context_times, forecast.times])
        shown = _in_film(forecast).values()
        panels = [np.concatenate([forecast.context, frames]) for frames in shown]
        self._film.save(film, panels, times, forecast.minutes(times))
        yield film


def _stage(forecast: Forecast, rows: list[Row]) -> Stage:
    scale = VALUE_SCALES[forecast.unit]
    keys: dict[str, Key] = {
        "values": Bar(map_palette(forecast.unit), scale.label, scale.levels),
        "probability": Bar(map_probability_palette(), "share of members", TENTHS),
    }
    sheet = Sheet(rows, keys, forecast.ground, SIDE)
    where = "axes in km of the map's projection; " if forecast.grid else ""
    add_title(sheet.figure, LEFT, forecast.title, f"times in UTC; {where}grey: missing")
    return Stage(sheet.figure, sheet.panels, DPI)


def _in_film(forecast: Forecast) -> dict[str, np.ndarray]:
    return dict(list(forecast.fields.items())[: 1 + IN_FILM])


def _fields(forecast: Forecast) -> list[Row]:
    leads = evenly_spread(len(forecast.times), COLUMNS)
    past = np.arange(len(forecast.context))[-len(leads) :]
    observed = [
        Row(
            "observed",
            forecast.context[past],
            headings=_headings(forecast, forecast.context_times[past]),
        )
    ]
    headings = _headings(forecast, forecast.times[leads])
    rows = [
        Row(name, frames[leads], headings=headings if k == 0 else ())
        for k, (name, frames) in enumerate(forecast.fields.items())
    ]
    return [*(observed if len(past) else []), *rows]


def _chances(forecast: Forecast) -> list[Row]:
    leads = evenly_spread(len(forecast.times), COLUMNS)
    headings = _headings(forecast, forecast.times[leads])
    return [
        Row(
            f"P(≥ {threshold:g} {forecast.unit})",
            frames[leads],
            "probability",
            headings if k == 0 else (),
        )
        for k, (threshold, frames) in enumerate(forecast.probabilities.items())
    ]


def _headings(forecast: Forecast, times: np.ndarray) -> tuple[str, ...]:
    leads = forecast.minutes(times)
    return tuple(f"{clock(t)} ({signed(int(m))})" for t, m in zip(times, leads, strict=True))
