"""Files that are coarse themselves: every point is a coarse cell, and no truth is known."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from mindcast.data.base import PatchLike
from mindcast.data.incoming.find import find_files
from mindcast.data.temperature.field_file import FieldFile
from mindcast.data.temperature.grid import Grid
from mindcast.data.temperature.labels import state_names
from mindcast.data.temperature.parts import Part
from mindcast.data.temperature.refined import refined, without_poles
from mindcast.data.temperature.scan import scan, scan_ground
from mindcast.data.temperature.settings import TemperatureSettings
from mindcast.data.temperature.state import STATICS, Domain
from mindcast.data.temperature.states import State
from mindcast.refusal import Refusal
from mindcast.samples import Coordinates, DownscaleInput

ENDINGS = (".nc", ".nc4", ".cdf", ".netcdf")  # of files in a folder that is given
NEAR = 0.25  # of a fine step: so far positions of one grid may lie apart


@dataclass(frozen=True)
class AsItIs:
    """`PatchLike` of whole domains whose cells are their points."""

    levels_hpa: tuple[float, ...]
    prior_source: str
    factor: int = 1
    frame: tuple[int, int] | None = None


class CoarseFields:
    """States of coarse files as input for a downscaling by the factor of `patch`.

    files: of one surface file each, or None, with its quantities on the fine grid.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        grounds: Sequence[dict[str, FieldFile]],
        settings: TemperatureSettings,
        patch: PatchLike,
    ) -> None:
        self.factor, self.area_weight = patch.factor, settings.area_weight
        self.levels_hpa = tuple(float(level) for level in patch.levels_hpa)
        self.parts = tuple(parts)
        as_it_is = AsItIs(self.levels_hpa, patch.prior_source)
        self.places = [
            CoarsePlace(Domain(part, as_it_is, "block_mean", False), ground, patch.factor)
            for part, ground in zip(parts, grounds, strict=True)
        ]
        for part, place in zip(parts, self.places, strict=True):
            place.check(part.states)  # better a refusal now than after hours
        self.states = [(k, state) for k, part in enumerate(parts) for state in part.states]
        names = state_names(self.parts, Path(os.path.commonpath([p.file.path for p in parts])))
        self.labels = [names[k][state] for k, state in self.states]

    def __len__(self) -> int:
        return len(self.states)

    @property
    def last(self) -> np.datetime64:
        """The latest valid time."""
        return max(state.time for _, state in self.states)

    @property
    def sources(self) -> tuple[Path, ...]:
        """The files with levels."""
        return tuple(part.file.path for part in self.parts)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is done to each file, a line each."""
        return tuple(dict.fromkeys(line for place in self.places for line in place.notes))

    def __getitem__(self, i: int) -> DownscaleInput:
        number, state = self.states[i]
        return self.places[number].load(state, self.area_weight)

    def coordinates(self, i: int) -> Coordinates:
        """Where state i lies, on its fine grid."""
        number, state = self.states[i]
        grid = self.places[number].grid
        where = (grid.y, grid.x, grid.latitude, grid.longitude)
        return Coordinates(*where, self.levels_hpa, state.time, state.member)


class CoarsePlace:
    """One coarse file with the fine grid behind it, and what is known at the ground there."""

    def __init__(self, domain: Domain, ground: dict[str, FieldFile], factor: int) -> None:
        self.domain, self.ground, self.factor = domain, ground, factor
        self.rows = without_poles(domain.grid, factor)
        self.coarse = domain.grid.cut(self.rows, slice(None))

    @cached_property
    def grid(self) -> Grid:
        """The fine grid: that of the surface file where there is one."""
        grids = [file.grid for file in self.ground.values()]
        return grids[0] if grids else refined(self.coarse, self.factor)

    def check(self, states: Sequence[State]) -> None:
        """Refusal where the surface file lies elsewhere, or a state cannot be read."""
        fine = refined(self.coarse, self.factor)
        for file in self.ground.values():
            _require_behind(file, fine, self.domain.file.path)
        for quantity, state in itertools.product(self.ground, states):
            self._known.state_apart(quantity, state)
        self.domain.check(states[0])

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user is to know of it."""
        path, (height, width) = self.domain.file.path.name, self.coarse.shape
        fine = "{} x {}".format(*self.grid.shape)
        found = [f"{path}: {height} x {width} points are the coarse cells of {fine}"]
        left = self.domain.grid.shape[0] - height
        if left:
            found.append(f"{path}: {left} rows are left out, whose cells reach beyond a pole")
        absent = [name.replace("_", " ") for name in STATICS if name not in self.ground]
        if absent:
            found.append(
                f"{' and '.join(absent)} of the fine grid: 0, as of training files without them "
                "(data.surface_files names a file that has them)"
            )
        found.append(f"{path}: priors from {self.domain.source}")
        return tuple(found)

    def load(self, state: State, area_weight: bool) -> DownscaleInput:
        """The input of one state."""
        whole = self.domain.load(state).sample.input
        rows, grid = self.rows, self.grid
        ground = self._ground(state)
        orography, land = (np.nan_to_num(ground.get(n, np.zeros(grid.shape))) for n in STATICS)
        sine = np.sin(np.radians(grid.latitude))
        closed = np.full(grid.shape, float(grid.metric.periodic))
        weights = np.ones(grid.shape)
        if area_weight and grid.regular:
            weights *= np.maximum(np.cos(np.radians(grid.latitude)), np.finfo(np.float32).tiny)
        metric = [grid.metric.h_x, grid.metric.h_y, closed, weights]
        made = replace(
            whole,
            temperature_lr=whole.temperature_lr[:, rows],
            wind_lr=whole.wind_lr[:, rows],
            priors_lr=whole.priors_lr[:, rows],
            statics=np.stack([orography / 1000, land, sine], axis=-1),
            metric=np.stack(metric, axis=-1),
            weight=self._weight(whole.weight[:, rows], ground.get("surface_pressure")),
        )
        return made.mapped(lambda array: np.ascontiguousarray(array, np.float32))

    def _weight(self, coarse: np.ndarray, surface_pressure: np.ndarray | None) -> np.ndarray:
        """(Z, H, W, 1): 1 above the ground, by the fine surface pressure or that of the cells."""
        if surface_pressure is None:
            return coarse.repeat(self.factor, axis=1).repeat(self.factor, axis=2)
        pressure = self.domain.pressure[:, np.newaxis, np.newaxis]
        return (pressure <= surface_pressure).astype(np.float32)[..., np.newaxis]

    def _ground(self, state: State) -> dict[str, np.ndarray]:
        """What the surface file holds for a state, (H, W) each."""
        return self._known.read_all(self.ground, state) if self.ground else {}

    @property
    def _known(self) -> FieldFile:
        """The coarse file as far as it is known on the fine grid."""
        return replace(self.domain.file, variables={}, apart=self.ground)


def open_coarse(
    inputs: Sequence[str],
    at: np.datetime64 | None,
    settings: TemperatureSettings,
    patch: PatchLike,
) -> CoarseFields:
    """All states in files, folders and patterns, or those `at` a valid time (UTC).

    Statics, and the surface pressure, of the fine grid come from `surface_files`: one for all, or
    one for each file. Refusal for files that cannot be read or do not serve the model.
    """
    found, within = find_files(inputs)
    paths = [p for p in found if p not in within or p.suffix.lower() in ENDINGS]
    if not paths:
        raise Refusal(f"{found[0].parent}: holds no NetCDF file; give files of temperature")
    files = [scan(path, settings.wind_axes) for path in paths]
    parts = _parts(files, at)
    grounds = _grounds(settings, len(files))
    pairs = [(p, ground) for p, ground in zip(parts, grounds, strict=True) if p.states]
    return CoarseFields([p for p, _ in pairs], [ground for _, ground in pairs], settings, patch)


def _parts(files: Sequence[FieldFile], at: np.datetime64 | None) -> list[Part]:
    wanted = None if at is None else at.astype("datetime64[m]")
    parts = []
    for file in files:
        height, width = file.grid.shape
        states = tuple(s for s in file.states if wanted is None or s.time == wanted)
        parts.append(Part(file, states, (slice(0, height), slice(0, width))))
    if not any(part.states for part in parts):
        times = np.unique([state.time for file in files for state in file.states])
        near = times[np.argsort(np.abs(times - wanted), kind="stable")[:2]]
        raise Refusal(
            f"--at {at}: no state of that time, the nearest are of "
            f"{' and '.join(map(str, np.sort(near)))} (all: {times[0]} to {times[-1]}, UTC)"
        )
    return parts


def _grounds(settings: TemperatureSettings, files: int) -> list[dict[str, FieldFile]]:
    """What the surface file of each file holds, by quantity."""
    names = settings.surface_files
    if len(names) not in (0, 1, files):
        raise Refusal(
            f"data.surface_files names {len(names)} files, expected one for all or {files}, one "
            "for each of --input; set data.surface_files"
        )
    root = Path(settings.root_dir)
    grounds = [scan_ground(root / name) for name in names]
    return grounds if len(grounds) == files else (grounds or [{}]) * files


def _require_behind(ground: FieldFile, fine: Grid, path: Path) -> None:
    """Refusal unless a surface file lies on the fine grid of a coarse file."""
    remedy = "give one that does, or set data.surface_files=[]"
    if ground.grid.shape != fine.shape:
        found, wanted = ("{} x {}".format(*grid.shape) for grid in (ground.grid, fine))
        raise Refusal(
            f"{ground.path}: {found} points, expected {wanted}, those behind the cells of {path}; "
            f"{remedy}"
        )
    step = float(np.abs(np.diff(fine.latitude, axis=0)).max())
    off = float(np.abs(ground.grid.latitude - fine.latitude).max())
    turn = (ground.grid.longitude - fine.longitude + 180) % 360 - 180
    along = float(np.abs(turn * np.cos(np.radians(fine.latitude))).max())
    if max(off, along) > NEAR * step:
        raise Refusal(
            f"{ground.path}: its points lie up to {max(off, along):g} degrees from those behind "
            f"the cells of {path}; {remedy}"
        )
