"""How `--mode test` scores and draws the task "downscale"; see `test.Task`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.config.schema import RunSettings
from mindcast.data.base import Coordinates, Fields
from mindcast.evaluation.downscale.baselines import BASELINES, BICUBIC, interpolated
from mindcast.evaluation.downscale.report import table_text, write_report
from mindcast.evaluation.downscale.suite import DownscaleSuite
from mindcast.evaluation.downscale.target import Target
from mindcast.output.netcdf import write_netcdf
from mindcast.output.temperature import DownscaledTemperature
from mindcast.physics.horizontal import ROW_WEIGHT
from mindcast.visualization.downscale_case import DownscaleCase

SIN_LATITUDE = 2  # channel of the statics


@dataclass
class FieldCase:
    """Coarse fields, the truth, and what was made of them; see `test.Scored`."""

    number: int
    conditioning: tuple[np.ndarray, ...]
    target: Target
    suite: DownscaleSuite
    forecasts: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def truth(self) -> np.ndarray:
        """(1, Z, H, W, 1), K."""
        return self.target.truth

    def baseline(self, name: str) -> np.ndarray:
        """An interpolation of the coarse temperature, (1, Z, H, W, 1)."""
        return interpolated(name, self.target)

    def score(self, method: str, forecast: np.ndarray) -> None:
        """Add a field or an ensemble to the scores."""
        self.forecasts[method] = forecast
        self.suite.update(method, forecast, self.target)


class Task:
    """Temperature on levels: interpolations beside the model, all scores in K and by level."""

    baselines = tuple(BASELINES)

    def __init__(
        self, fields: Fields, settings: RunSettings, spec: Any, methods: tuple[str, ...]
    ) -> None:
        self.fields, self.methods = fields, methods
        self.area_weight = settings.evaluation.area_weight
        seed = settings.runtime.seed
        self.suite = DownscaleSuite((*self.baselines, *methods), fields.levels_hpa, seed=seed)
        self.cases: list[tuple[str, DownscaleCase]] = []
        self.outputs: list[tuple[str, DownscaledTemperature]] = []

    def case(self, number: int, *arrays: np.ndarray) -> FieldCase:
        """Sample `number`; its arrays, each with a batch axis of one, as `Fields.columns` says."""
        named = dict(zip(self.fields.columns, arrays, strict=True))
        coarse, truth = named["temperature_lr"], named["temperature"]
        cosine = np.sqrt(1 - np.square(named["statics"][..., SIN_LATITUDE]))
        target = Target(
            truth,
            coarse,
            factor=truth.shape[2] // coarse.shape[2],
            weight=named["weight"],
            area=cosine if self.area_weight else None,
            row_weights=named["metric"][0, :, 0, ROW_WEIGHT],
        )
        return FieldCase(number, arrays[:-1], target, self.suite)

    def keep(self, scored: FieldCase) -> None:
        """Remember a case for the figures and for the files of fields."""
        label, where = self.fields.label(scored.number), self.fields.coordinates(scored.number)
        made = {method: scored.forecasts[method] for method in self.methods}
        fields = [forecast[:, 0] for forecast in made.values() if forecast.shape[1] == 1]
        single = fields[0] if fields else None
        for method, forecast in made.items():
            drawn = self._case(method, scored, forecast[0], None if single is None else single[0])
            self.cases.append((label, drawn))
        ensembles = [forecast for forecast in made.values() if forecast.shape[1] > 1]
        members = ensembles[0] if ensembles else None
        self.outputs.append((label, _as_output(members, single, where)))

    def write(self, folder: Path, provenance: Mapping[str, Any]) -> str:
        """The report's files and the kept fields as NetCDF; gives the table to print."""
        result = self.suite.result()
        write_report(folder, result, provenance)
        for label, fields in self.outputs:
            write_netcdf(folder / f"{label}.nc", fields, provenance)
        return table_text(result)

    def draw(self, folder: Path) -> Iterator[Path]:
        """Maps and a section of every case kept, curves of all methods by level."""
        from mindcast.visualization.downscale import draw_downscale

        yield from draw_downscale(folder, self.suite.result(), self.cases)

    def _case(
        self, method: str, scored: FieldCase, members: np.ndarray, single: np.ndarray | None
    ) -> DownscaleCase:
        where, target = self.fields.coordinates(scored.number), scored.target
        latitude, longitude = _positions(where)
        return DownscaleCase(
            method,
            target.temperature_lr[0],
            scored.forecasts[BICUBIC][0],
            members,
            target.truth[0],
            np.array(where.levels_hpa),
            where.time,
            single,
            None if target.weight is None else target.weight[0],
            latitude,
            longitude,
        )


def _positions(where: Coordinates) -> tuple[np.ndarray, np.ndarray]:
    """Latitude and longitude: axes of a regular grid, else fields."""
    if where.is_regular:
        return where.y.values, where.x.values
    return where.latitude, where.longitude


def _as_output(
    members: np.ndarray | None, single: np.ndarray | None, where: Coordinates
) -> DownscaledTemperature:
    latitude, longitude = _positions(where)
    apart = () if where.is_regular else (where.x.values, where.y.values)
    times = np.array([where.time], "datetime64[m]")
    levels = np.array(where.levels_hpa)
    return DownscaledTemperature(members, single, levels, times, latitude, longitude, *apart)
