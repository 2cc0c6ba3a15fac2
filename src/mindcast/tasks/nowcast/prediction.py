"""How the task "nowcast" predicts what nobody knows yet; see `tasks.base.Prediction`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mindcast.config.schema import RunSettings
from mindcast.data.incoming.frames import Needed
from mindcast.data.incoming.read import open_incoming
from mindcast.forecasting import Forecasting
from mindcast.models.base import Window
from mindcast.output.nowcast import NowcastFile
from mindcast.page.document import Picture
from mindcast.tasks.nowcast.future import Future, needed_by
from mindcast.tasks.seconds import Seconds
from mindcast.visualization.ahead import ahead
from mindcast.visualization.times import moment

if TYPE_CHECKING:
    from mindcast.tasks.nowcast.drawing import Drawing  # late: it loads matplotlib


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
        self._drawings: list[Callable[[], Drawing]] = []

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
                if self.figures:
                    self._drawings.append(ahead(partial(_drawing, method, future, members)))
                for first, made in seconds.each("sample", parts):
                    for number, frames in enumerate(made, first):
                        file.add(number, future.physical(frames))
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
        for drawing in self._drawings:
            begun = drawing()
            for path in begun.draw(folder):
                of = "probabilities" if path.stem.endswith("_probability") else "forecast"
                kind = "film" if path.suffix == ".gif" else of
                text = f"{kind} of {begun.method}, by lead time"
                yield Picture(path, f"{begun.method}, {kind}", text)


def _drawing(method: str, future: Future, members: int | None) -> Drawing:
    from mindcast.tasks.nowcast.drawing import Drawing

    return Drawing(method, future, members)


def _unknown_pixels(needed: Needed) -> tuple[str, ...]:
    if needed.pixel_km is not None:
        return ()
    return (
        "how large the model's pixels are is not known: the files' are taken as they are "
        "(set data.pixel_km to bring them to its size)",
    )
