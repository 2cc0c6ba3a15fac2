"""How the task "nowcast" predicts what nobody knows yet; see `tasks.base.Prediction`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mindcast.config.schema import RunSettings
from mindcast.data.incoming.frames import Incoming, Needed
from mindcast.data.incoming.read import open_incoming
from mindcast.forecasting import Forecasting
from mindcast.models.base import Window
from mindcast.output.nowcast import PROBABILITY, QUANTITIES, NowcastFile, with_nan
from mindcast.page.document import Picture
from mindcast.samples import NowcastInput
from mindcast.tasks.nowcast.domain import Domain
from mindcast.tasks.nowcast.unknown import unknown_pixels
from mindcast.tasks.seconds import Seconds
from mindcast.visualization.ahead import load_ahead
from mindcast.visualization.times import moment

if TYPE_CHECKING:
    from mindcast.visualization.nowcast.forecast import Forecast  # late: it loads matplotlib

SHOWN = 3  # members in pictures
DRAWS = "mindcast.visualization.nowcast.forecast"


class Prediction:
    """The frames of a user, and what becomes of them: a file of each method."""

    def __init__(
        self,
        inputs: Sequence[str],
        at: np.datetime64 | None,
        settings: RunSettings,
        window: Window,
    ) -> None:
        needed = needed_by(settings, window)
        incoming = open_incoming(inputs, at, needed, settings.input)
        self.of = Future(incoming, settings, window)
        self.last, self.sources = incoming.times[-1], incoming.sources
        self.notes = (*incoming.notes, *_unknown_pixels(needed), *self.of.notes)
        self.count, self.figures = 1, settings.evaluation.figures
        _, *domain, _ = self.of.input.context.shape
        self.domain = (domain[0], domain[1])
        self._drawn: list[str] = []

    def methods(self, model: Forecasting, wanted: Sequence[str]) -> tuple[str, ...]:
        """Those that are wanted, else the first ensemble, else the first of all."""
        ensembles = [name for name in model.methods if not model.is_deterministic(name)]
        return tuple(wanted) or tuple((ensembles or list(model.methods))[:1])

    def write(
        self,
        model: Forecasting,
        folder: Path,
        provenance: Mapping[str, Any],
        seconds: Seconds,
        progress: Callable[[int], object],
    ) -> Iterator[Path]:
        """Forecast with each method and write its file, a part of its members after the other."""
        future, last = self.of, np.datetime64(self.last, "s")
        if self.figures:
            load_ahead(DRAWS)
        for method in model.methods:
            path = folder / f"{method}.nc"
            members = None if model.is_deterministic(method) else model.sampling.members
            parts = model.in_parts(method, future.input, progress=progress)
            with (
                seconds.part("write"),
                NowcastFile(
                    path,
                    times=future.times,
                    reference=last,
                    unit=future.unit,
                    grid=future.incoming.grid,
                    shape=future.domain.shape,
                    members=members,
                    thresholds=future.thresholds,
                    provenance={**provenance, "method": method},
                ) as file,
            ):
                for first, made in seconds.each("sample", parts):
                    for number, frames in enumerate(made, first):
                        file.add(number, future.physical(frames))
            if self.figures:
                self._drawn.append(method)
            yield path

    @property
    def facts(self) -> dict[str, str]:
        """See `tasks.base.Prediction`."""
        times, (height, width) = self.of.times, self.of.domain.shape
        return {
            "From": f"{moment(self.last)}, the last of {len(self.of.incoming.times)} frames",
            "For": f"{moment(times[0])} to {moment(times[-1])}, {len(times)} frames",
            "Area": f"{height} x {width} pixels",
        }

    def draw(self, folder: Path) -> Iterator[Picture]:
        """Sheets of maps and a film of each method, of what is in its file."""
        from mindcast.visualization.nowcast.forecast import draw_forecast

        for method in self._drawn:
            forecast = shown(folder / f"{method}.nc", method, self.of)
            for path in draw_forecast(folder, forecast, method):
                of = "probabilities" if path.stem.endswith("_probability") else "forecast"
                kind = "film" if path.suffix == ".gif" else of
                yield Picture(path, f"{method}, {kind}", f"{kind} of {method}, by lead time")


class Future:
    """An input, and what the numbers of its forecast mean.

    input: not batched. times: valid times of the frames to come, (T,) datetime64[s], UTC. unknown:
    pixels of these frames that come out missing, bool (T, H, W).

    motion: (H, W, 2) to go by, pixels per frame; None: as it is found.
    """

    def __init__(
        self,
        incoming: Incoming,
        settings: RunSettings,
        window: Window,
        motion: np.ndarray | None = None,
    ) -> None:
        data = settings.data
        context = incoming.context
        _, height, width, _ = context.shape
        self.incoming, self.domain = incoming, Domain((height, width), window)
        given = None if motion is None else self.domain.widened(motion)
        self.input = NowcastInput(self.domain.padded(context), motion=given)
        self.unit, self.value_scale = str(data.unit), float(data.value_scale)
        self.thresholds = tuple(data.thresholds)
        leads = np.arange(1, window.length - window.context + 1) * (60 * data.interval_minutes)
        self.times = incoming.times[-1] + leads.astype("timedelta64[s]")
        how = getattr(settings.model, "motion", None)
        of = {} if how is None else {"method": how.method}
        frames = context[..., 0], incoming.missing, len(leads)
        self.unknown = unknown_pixels(*frames, motion, **of)
        self.notes = (*self._words(window), *self._inflow())

    def physical(self, frames: np.ndarray) -> np.ndarray:
        """Frames (T, H', W', 1) of a forecast in the unit (T, H, W), float32.

        NaN where nothing is known, see `unknown_pixels`.
        """
        values = self.domain.cut(frames[..., 0]) * np.float32(self.value_scale)
        return np.where(self.unknown, np.float32(np.nan), values)

    def _inflow(self) -> tuple[str, ...]:
        before, after = self.incoming.missing[-1].mean(), self.unknown[-1].mean()
        if after == before:
            return ()
        return (
            f"pixels into which the motion carries missing ones are missing too: {before:.1%} of "
            f"the last frame, {after:.1%} of the last forecast",
        )

    def _words(self, window: Window) -> tuple[str, ...]:
        height, width = self.domain.shape
        frame = "{} x {}".format(*window.frame)
        if (height, width) == tuple(window.frame):
            return ()
        if height <= window.frame[0] and width <= window.frame[1]:
            return (f"{height} x {width} pixels, with nothing around them to {frame}",)
        return (f"{height} x {width} pixels are forecast in tiles of {frame}",)


def shown(path: Path, method: str, future: Future) -> Forecast:
    """A forecast as pictures show it, read from its file."""
    import h5py

    from mindcast.visualization.nowcast.forecast import Forecast

    incoming, name = future.incoming, QUANTITIES[future.unit].name
    observed = future.value_scale * incoming.context[..., 0]
    probabilities = {}
    with h5py.File(path, "r") as data:
        count = len(data[name]) if data[name].ndim == 4 else None
        members = with_nan(data[name][()] if count is None else data[name][:SHOWN])
        if PROBABILITY in data:
            found = with_nan(data[PROBABILITY][()])
            probabilities = dict(zip(data["threshold"][()].tolist(), found, strict=True))
        return Forecast(
            name=method,
            unit=future.unit,
            times=future.times,
            start=incoming.times[-1],
            members=(members,) if count is None else tuple(members),
            count=count,
            context=np.where(incoming.missing, np.nan, observed),
            context_times=incoming.times,
            mean=with_nan(data[f"{name}_mean"][()]) if count and count > 1 else None,
            probabilities=probabilities if count and count > 1 else {},
            grid=incoming.grid,
        )


def needed_by(settings: RunSettings, window: Window) -> Needed:
    """What a model wants of its input, in numbers that mean what they meant in its training."""
    data = settings.data
    return Needed(
        frames=window.context,
        interval_minutes=data.interval_minutes,
        frame=window.frame if settings.input.crop else None,
        value_scale=data.value_scale,
        unit=data.unit,
        pixel_km=data.pixel_km,
    )


def _unknown_pixels(needed: Needed) -> tuple[str, ...]:
    if needed.pixel_km is not None:
        return ()
    return (
        "how large the model's pixels are is not known: the files' are taken as they are "
        "(set data.pixel_km to bring them to its size)",
    )
