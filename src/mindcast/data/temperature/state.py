"""One state of the atmosphere as a sample: coarse inputs, priors, and the fine truth.

Everything is computed on the whole field before anything is cut out of it, so that a crop has no
borders of its own. float64 inside, float32 at the end.

Where coarse cells lie. For crops they begin at the field's first point, and crops are made of whole
ones. A region that is taken whole has every one of its points in cells of its own: they begin at
its first point, and where its size is no multiple of the factor the last ones hold what is left. No
cell reaches over a region's border, so none holds points of another split. Beyond the border the
field goes on with whole cells, for the derivatives there; but not behind a region's cell that is
not whole: the region ends like a field.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mindcast.data.base import PatchLike
from mindcast.data.temperature.checks import below_ground, filled
from mindcast.data.temperature.field_file import FieldFile
from mindcast.data.temperature.grid import Grid, along_grid, x_axis_angle
from mindcast.data.temperature.names import looked_for
from mindcast.data.temperature.parts import Box, Part
from mindcast.data.temperature.states import State
from mindcast.physics.horizontal import PERIODIC, Metric
from mindcast.physics.priors import (
    PRIOR_SOURCES,
    Winds,
    geostrophic_winds,
    known_winds,
    no_winds,
    prior_channels,
)
from mindcast.physics.resample import block_mean, cells, coarsen_bicubic
from mindcast.refusal import Refusal
from mindcast.samples import DownscaleInput, DownscaleSample, Sample, from_named

COARSE = ("temperature_lr", "wind_lr", "priors_lr")  # arrays on the coarse grid
STATICS = ("orography", "land_sea_mask")
NEEDS = {"winds": ("u", "v"), "geostrophic": ("height",), "temperature_only": ()}
OPTIONAL = {"winds": ("omega",), "geostrophic": (), "temperature_only": ()}


@dataclass(frozen=True)
class WholeState:
    """The sample that a whole domain is; its arrays begin at `origin` of the file's grid."""

    sample: DownscaleSample
    factor: int
    origin: tuple[int, int]

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self.sample.named.values())

    def cut(self, rows: slice, columns: slice) -> DownscaleSample:
        """The sample of a rectangle of the file's grid that is made of the domain's cells."""
        rows, columns = (
            slice(span.start - first, span.stop - first)
            for span, first in zip((rows, columns), self.origin, strict=True)
        )
        fine = (..., rows, columns, slice(None))
        y, x = (
            slice(span.start // self.factor, cells(span.stop, self.factor))
            for span in (rows, columns)
        )
        coarse = (..., y, x, slice(None))
        parts = {
            name: np.ascontiguousarray(array[coarse if name in COARSE else fine])
            for name, array in self.sample.named.items()
        }
        if columns.stop - columns.start < self.sample.input.metric.shape[1]:
            parts["metric"] = parts["metric"].copy()
            parts["metric"][..., PERIODIC] = 0  # a part of a circle does not close
        return from_named(DownscaleInput, parts)


class Domain:
    """The field of one file as far as coarse cells are made of it, and how it is coarsened."""

    def __init__(self, part: Part, patch: PatchLike, coarsening: str, area_weight: bool) -> None:
        file = part.file
        self.file, self.patch, self.coarsening = file, patch, coarsening
        self.part = _part(part, patch)
        self.grid = file.grid.cut(*self.part)
        self.row_weights = np.ones(self.grid.shape[0])
        if area_weight and self.grid.regular and coarsening == "block_mean":
            # a row at a pole counts next to nothing, yet a cell may hold no other
            cosine = np.cos(np.radians(self.grid.y.values))
            self.row_weights = np.maximum(cosine, np.finfo(np.float32).tiny)
        self.source = _prior_source(file, patch.prior_source)
        file.level_indices(patch.levels_hpa)

    @property
    def pressure(self) -> np.ndarray:
        """Of the levels, Pa, from the bottom upwards."""
        return 100.0 * np.asarray(self.patch.levels_hpa, np.float64)

    @cached_property
    def coarse_grid(self) -> Grid:
        return self.grid.coarse(self.patch.factor)

    def load(self, state: State) -> WholeState:
        """Read a state and derive all arrays; Refusal for values that cannot be."""
        raw = self._read((*NEEDS[self.source], *OPTIONAL[self.source], *STATICS), state)
        fine, weight = self._fields(raw)
        coarse = {name: self._coarsened(field) for name, field in fine.items()}
        metric = self.coarse_grid.metric
        winds = self._winds(coarse, metric)
        priors = prior_channels(coarse["temperature"], winds, self.pressure, metric)
        flag = np.full((*priors.shape[:-1], 1), float(winds.present))
        sample = Sample(
            DownscaleInput(
                temperature_lr=coarse["temperature"][..., np.newaxis],
                wind_lr=np.stack([winds.u, winds.v, winds.omega], axis=-1),
                priors_lr=np.concatenate([priors, flag], axis=-1),
                statics=self._statics(raw),
                metric=self._metric(),
                weight=weight[..., np.newaxis],
            ),
            truth=fine["temperature"][..., np.newaxis],
        )
        rows, columns = self.part
        return WholeState(
            sample.mapped(lambda array: array.astype(np.float32)),
            self.patch.factor,
            (rows.start, columns.start),
        )

    def check(self, state: State) -> None:
        """Read the temperature of a state; Refusal if it cannot be."""
        self._fields(self._read((), state))

    def _read(self, quantities: Iterable[str], state: State) -> dict[str, np.ndarray]:
        """Temperature, surface pressure and `quantities`, where the file holds them."""
        wanted = ("temperature", "surface_pressure", *quantities)
        found = self.file.read_all(wanted, state, tuple(self.patch.levels_hpa))
        return {name: values[(..., *self.part)] for name, values in found.items()}

    def _fields(self, raw: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Fine fields (Z, H, W) by quantity, filled below the ground, and their weight (0, 1)."""
        path, levels = self.file.path, self.patch.levels_hpa
        surface = raw.get("surface_pressure")
        ground = self.file.path_of("surface_pressure")
        below = below_ground(ground, raw["temperature"], surface, self.pressure)
        fields = {
            name: filled(path, name, raw[name], below, levels)
            for name in ("temperature", *NEEDS[self.source], *OPTIONAL[self.source])
            if name in raw
        }
        if "u" in fields and self.file.earth_winds and not self.grid.regular:
            angle = x_axis_angle(self.grid.latitude, self.grid.longitude)
            fields["u"], fields["v"] = along_grid(fields["u"], fields["v"], angle)
        return fields, 1.0 - below

    def _coarsened(self, field: np.ndarray) -> np.ndarray:
        if self.coarsening == "bicubic":
            return coarsen_bicubic(field, self.patch.factor)
        return block_mean(field, self.patch.factor, self.row_weights)

    def _winds(self, coarse: dict[str, np.ndarray], metric: Metric) -> Winds:
        if self.source == "winds":
            u, v, omega = coarse["u"], coarse["v"], coarse.get("omega")
            return known_winds(u, v, omega, self.pressure, metric)
        if self.source == "geostrophic":
            return geostrophic_winds(coarse["height"], self.coarse_grid.latitude, metric)
        return no_winds(coarse["temperature"])

    def _metric(self) -> np.ndarray:
        """(H, W, 4), see `DownscaleInput`."""
        metric = self.grid.metric
        closed = np.full(self.grid.shape, float(metric.periodic))
        weights = np.broadcast_to(self.row_weights[:, np.newaxis], self.grid.shape)
        return np.stack([metric.h_x, metric.h_y, closed, weights], axis=-1)

    def _statics(self, raw: dict[str, np.ndarray]) -> np.ndarray:
        """(H, W, 3); a file without orography or mask, or with gaps over the sea, gives 0 there."""
        nothing = np.zeros(self.grid.shape)
        orography, land = (np.nan_to_num(raw.get(name, nothing)) for name in STATICS)
        sine = np.sin(np.radians(self.grid.latitude))
        return np.stack([orography / 1000, land, sine], axis=-1)


def _part(part: Part, patch: PatchLike) -> Box:
    """The part of a file's grid that the cells cover; Refusal if they are fewer than 3 x 3."""
    factor, shape, crops = patch.factor, part.file.grid.shape, patch.frame is not None
    spans = [slice(0, size // factor * factor) for size in shape] if crops else part.box
    rows, columns = (_covered(span, size, factor) for span, size in zip(spans, shape, strict=True))
    height, width = (span.stop - span.start for span in (rows, columns))
    if min(cells(height, factor), cells(width, factor)) < 3:
        least = 3 * factor if crops else 2 * factor + 1
        what, cure = f"grid of {shape[0]} x {shape[1]}", "lower the model's factor"
        if min(shape) >= least:
            what = f"region of {height} x {width} on a {what}"
            cure = f"take a larger region or {cure}"
        raise Refusal(
            f"{part.file.path}: {what} is too small, factor {factor} needs {least} x {least}; "
            f"{cure}"
        )
    return rows, columns


def _covered(span: slice, size: int, factor: int) -> slice:
    """What the cells cover of an axis that a region takes `span` of, see the head of the file."""
    first = span.start % factor
    whole = (span.stop - span.start) % factor == 0
    return slice(first, first + (size - first) // factor * factor if whole else span.stop)


def _prior_source(file: FieldFile, wanted: str) -> str:
    """The source that a file serves; Refusal where the wanted one cannot be had."""
    able = [s for s in PRIOR_SOURCES if all(name in file.variables for name in NEEDS[s])]
    if wanted == "available":
        return able[0]
    if wanted not in PRIOR_SOURCES:
        raise Refusal(
            f"prior_source = {wanted!r}, expected one of {', '.join(PRIOR_SOURCES)}, available"
        )
    if wanted not in able:
        lacking = next(name for name in NEEDS[wanted] if name not in file.variables)
        raise Refusal(
            f"{file.path}: prior_source = {wanted} needs {lacking}, looked for "
            f"{looked_for(lacking)}; choose {' or '.join(able)}"
        )
    return wanted
