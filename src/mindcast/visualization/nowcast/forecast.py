"""A forecast whose truth nobody knows yet: sheets of maps and a film."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from mindcast.mapgrid import MapGrid
from mindcast.visualization.colours import VALUE_SCALES, map_palette, map_probability_palette
from mindcast.visualization.nowcast.film import save_film
from mindcast.visualization.nowcast.ground import Ground, ground_of
from mindcast.visualization.nowcast.rows import LEFT, Bar, Key, Row, draw_rows, evenly_spread
from mindcast.visualization.saving import save_png
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
    """Draw a forecast into a folder; gives each picture as soon as it is complete.

    STEM.png: what was observed, mean and members; STEM_probability.png, where there are
    probabilities; STEM.gif: observation, then mean and members, through time. On a map's
    coordinates where `grid` is known. Refusal where they cannot be written.
    """
    sheet, film = folder / f"{stem}.png", folder / f"{stem}.gif"
    _draw_sheet(sheet, forecast, _fields(forecast))
    yield sheet
    if forecast.probabilities:
        chances = folder / f"{stem}_probability.png"
        _draw_sheet(chances, forecast, _chances(forecast))
        yield chances
    _draw_film(film, forecast)
    yield film


def _draw_sheet(path: Path, forecast: Forecast, rows: list[Row]) -> None:
    scale, ground = VALUE_SCALES[forecast.unit], forecast.ground
    keys: dict[str, Key] = {
        "values": Bar(map_palette(forecast.unit), scale.label, scale.levels),
        "probability": Bar(map_probability_palette(), "share of members", TENTHS),
    }
    figure = draw_rows(rows, keys, ground, SIDE)
    where = "axes in km of the map's projection; " if forecast.grid else ""
    add_title(figure, LEFT, forecast.title, f"times in UTC; {where}grey: missing")
    save_png(figure, path)


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


def _draw_film(path: Path, forecast: Forecast) -> None:
    scale = VALUE_SCALES[forecast.unit]
    shown = dict(list(forecast.fields.items())[: 1 + IN_FILM])
    times = np.concatenate([forecast.context_times, forecast.times])
    save_film(
        path,
        {name: np.concatenate([forecast.context, frames]) for name, frames in shown.items()},
        times,
        forecast.minutes(times),
        title=f"{forecast.name} from {moment(forecast.start)}",
        key=Bar(map_palette(forecast.unit), scale.label, scale.levels, forecast.unit),
        side=FILM_SIDE,
        ground=forecast.ground,
    )


def _headings(forecast: Forecast, times: np.ndarray) -> tuple[str, ...]:
    leads = forecast.minutes(times)
    return tuple(f"{clock(t)} ({signed(int(m))})" for t, m in zip(times, leads, strict=True))
