"""How the task "downscale" predicts fields whose fine truth nobody knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.cases import DownscaleCase
from mindcast.config.schema import RunSettings
from mindcast.data.incoming.contents import contents_of
from mindcast.data.incoming.find import find_files
from mindcast.forecasting import Forecasting
from mindcast.models.base import Patch
from mindcast.output.downscale import write_temperature
from mindcast.page.document import Picture
from mindcast.samples import Sample
from mindcast.tasks.downscale.task import largest, panels
from mindcast.tasks.seconds import Seconds
from mindcast.visualization.times import moment


class Prediction:
    """Coarse files of a user, and the fine fields behind them: a file of each state.

    Without `at` all states of the files. See `tasks.base.Prediction`.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        at: np.datetime64 | None,
        settings: RunSettings,
        window: Patch,
    ) -> None:
        _require_netcdf(inputs)
        from mindcast.data.temperature.coarse import open_coarse

        self.fields = open_coarse(inputs, at, settings.data, window)
        self.last, self.sources, self.notes = (
            self.fields.last,
            self.fields.sources,
            self.fields.notes,
        )
        self.count, self.factor = len(self.fields), window.factor
        self.domain = largest(self.fields)
        self.figures = settings.evaluation.figures
        self._drawn: list[tuple[DownscaleCase, tuple[str, ...]]] = []

    def methods(self, model: Forecasting, wanted: Sequence[str]) -> tuple[str, ...]:
        """Those that are wanted, else all: the deterministic field costs next to nothing."""
        return tuple(wanted) or tuple(model.methods)

    def write(
        self,
        model: Forecasting,
        folder: Path,
        provenance: Mapping[str, Any],
        seconds: Seconds,
        progress: Callable[[int], object],
    ) -> Iterator[Path]:
        """Downscale one state after the other and write its file."""
        for number in range(self.count):
            with seconds.part("read"):
                given, where = self.fields[number], self.fields.coordinates(number)
            case = DownscaleCase(self.fields.labels[number], Sample(given), where, self.factor)
            for method in model.methods:
                with seconds.part("sample"):
                    parts = model.in_parts(method, given, progress=progress)
                    made = np.concatenate([members for _, members in parts])
                single = model.is_deterministic(method)
                case.forecasts[method] = made[0] if single else made
            path = folder / f"{case.label}.nc"
            with seconds.part("write"):
                write_temperature(path, case, model.methods, provenance)
            if number < self.figures:
                self._drawn.append((case, tuple(model.methods)))
            yield path

    @property
    def facts(self) -> dict[str, str]:
        """See `tasks.base.Prediction`."""
        return {
            "States": f"{self.count}, the last of {moment(self.last)}",
            "Files": ", ".join(path.name for path in self.sources),
            "Factor": str(self.factor),
        }

    def draw(self, folder: Path) -> Iterator[Picture]:
        """Maps and a section of each method, of the first states."""
        for case, methods in self._drawn:
            for path in panels(case, methods, folder):
                kind = "section" if path.stem.endswith("_section") else "maps"
                yield Picture(path, f"{case.label}, {kind}", f"{kind} of downscaled temperature")


def _require_netcdf(inputs: Sequence[str]) -> None:
    """Refusal of what is not there, or cannot be read, before xarray is loaded."""
    files, within = find_files(inputs)
    for path in files:
        if path not in within:
            with contents_of(path):
                pass
