"""What a NetCDF file holds, found out once, and the reading of one state out of it.

Files are opened anew for every reading: nothing is shared between processes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from mindcast.data.temperature import axes, names
from mindcast.data.temperature.grid import Grid
from mindcast.refusal import Refusal

LEVEL_TOLERANCE_HPA = 0.01


@dataclass(frozen=True)
class Variable:
    """One variable of a file: its name there and what takes its numbers to our unit."""

    name: str
    factor: float = 1.0
    offset: float = 0.0
    standard_name: str = ""


@dataclass(frozen=True)
class State:
    """One field of a file: where it lies along the axes other than the grid's, and when it is.

    time: valid time, datetime64[m], UTC. member: number of the ensemble member, or None.
    """

    place: tuple[tuple[str, int], ...]
    time: np.datetime64
    member: int | None = None


@dataclass(frozen=True)
class FieldFile:
    """A file as this data set sees it.

    levels_hpa: (Z,) as they lie in the file. variables: by quantity of `names.QUANTITIES`.
    layout: names of its axes and how its columns lie. earth_winds: winds are to be turned.
    surface: files of single quantities at the ground, for those that this one does not hold.
    """

    path: Path
    levels_hpa: np.ndarray
    grid: Grid
    states: tuple[State, ...]
    variables: dict[str, Variable]
    layout: axes.Layout
    earth_winds: bool = False
    surface: dict[str, FieldFile] = field(default_factory=dict)

    def level_indices(self, levels_hpa: tuple[float, ...]) -> list[int]:
        """Where the wanted levels lie; Refusal lists the levels that there are."""
        found = []
        for level in levels_hpa:
            near = np.flatnonzero(np.abs(self.levels_hpa - level) < LEVEL_TOLERANCE_HPA)
            if not len(near):
                held = ", ".join(f"{p:g}" for p in sorted(self.levels_hpa, reverse=True))
                raise Refusal(
                    f"{self.path}: no level {level:g} hPa, found {held}; "
                    "choose the model's levels_hpa among them"
                )
            found.append(int(near[0]))
        return found

    def read(
        self, quantity: str, state: State, levels_hpa: tuple[float, ...] = ()
    ) -> np.ndarray | None:
        """One quantity, see `read_all`; None if the file does not hold it."""
        return self.read_all([quantity], state, levels_hpa).get(quantity)

    def read_all(
        self, quantities: Iterable[str], state: State, levels_hpa: tuple[float, ...] = ()
    ) -> dict[str, np.ndarray]:
        """Those of the quantities that the file, or its surface, holds, in our units, float64.

        (Z, H, W) on the wanted levels, (H, W) at the ground. The file is opened once.
        """
        wanted = set(quantities)
        with opened(self.path) as data:
            found = {
                quantity: self._values(data, quantity, state, levels_hpa)
                for quantity in wanted & self.variables.keys()
            }
        for quantity in wanted & self.surface.keys():
            there = self.surface[quantity]
            found |= there.read_all([quantity], self.surface_state(quantity, state))
        return found

    def surface_state(self, quantity: str, state: State) -> State:
        """Where a quantity of the surface's file lies for a state of this one.

        At its time and member; what has no time, or does not change with it, at the first place.
        Refusal for a surface pressure of another time.
        """
        there = self.surface[quantity]
        for member in (state.member, None):
            if (state.time, member) in there.places:
                return there.places[state.time, member]
        if quantity != "surface_pressure" or not there.layout.states:
            return there.states[0]
        times = [other.time for other in there.states]
        which = "" if state.member is None else f", member {state.member}"
        raise Refusal(
            f"{there.path}: no surface pressure at {state.time}{which} for {self.path}; "
            f"it has {len(times)} states from {min(times)} to {max(times)}; add that "
            "time, or mend data.surface_files"
        )

    @cached_property
    def places(self) -> dict[tuple[np.datetime64, int | None], State]:
        """The states by time and member."""
        return {(state.time, state.member): state for state in self.states}

    def path_of(self, quantity: str) -> Path:
        """The file that a quantity is read from."""
        return self.surface[quantity].path if quantity in self.surface else self.path

    def _values(
        self, data: xr.Dataset, quantity: str, state: State, levels_hpa: tuple[float, ...]
    ) -> np.ndarray:
        variable, layout = self.variables[quantity], self.layout
        array = data[variable.name]
        place: dict[str, int | list[int]] = {d: i for d, i in state.place if d in array.dims}
        if names.QUANTITIES[quantity].on_levels:
            place[layout.level] = self.level_indices(levels_hpa)
        order = [d for d in (layout.level, layout.y, layout.x) if d in array.dims]
        values = np.asarray(array.isel(place).transpose(*order).values, np.float64)
        return layout.arranged(values) * variable.factor + variable.offset


def scan(path: Path, wind_axes: str = "auto", surface: Path | None = None) -> FieldFile:
    """Find out what a file holds; Refusal if it is not a readable file of this kind.

    wind_axes, and surface, one of surface_files: see `TemperatureSettings`.
    """
    file = _scan(path, wind_axes, _last_change(path, "data.files"))
    if surface is None:
        return file
    ground = _scan_surface(surface, _last_change(surface, "data.surface_files"))
    for quantity in ground.values():
        _require_same_grid(file, quantity)
    lacking = {q: found for q, found in ground.items() if q not in file.variables}
    return replace(file, surface=lacking)


def _last_change(path: Path, key: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError as error:
        raise Refusal(
            f"{path}: cannot be read ({os.strerror(error.errno or 0)}); mend data.root_dir or {key}"
        ) from None


@lru_cache(maxsize=1024)
def _scan(path: Path, wind_axes: str, changed: int) -> FieldFile:
    """`changed`, the time of the last change, keeps the memory of a file from going stale."""
    with opened(path) as data:
        temperature = _temperature(path, data)
        layout = axes.find_layout(path, data, data[temperature.name])
        variables = {"temperature": temperature, **_others(path, data, layout)}
        return FieldFile(
            path,
            axes.levels(path, data, layout),
            axes.find_grid(path, data, layout),
            _states(path, data, data[temperature.name], layout),
            variables,
            layout,
            _winds_point_east(data, variables, wind_axes),
        )


@lru_cache(maxsize=1024)
def _scan_surface(path: Path, changed: int) -> dict[str, FieldFile]:
    """What a file holds at the ground; each quantity may have axes of its own."""
    with opened(path) as data:
        found = {q: _find(path, data, q, None) for q in names.AT_GROUND}
        files = {q: _at_ground(path, data, q, v) for q, v in found.items() if v is not None}
    if not files:
        raise Refusal(
            f"{path}: none of {', '.join(names.AT_GROUND)} on latitude and longitude "
            "alone; mend data.surface_files"
        )
    return files


def _at_ground(path: Path, data: xr.Dataset, quantity: str, variable: Variable) -> FieldFile:
    array = data[variable.name]
    layout = axes.find_layout(path, data, array)
    timeless = (State((), np.datetime64("NaT")),)
    states = _states(path, data, array, layout) if layout.states else timeless
    grid = axes.find_grid(path, data, layout)
    return FieldFile(path, np.empty(0), grid, states, {quantity: variable}, layout)


def _require_same_grid(file: FieldFile, surface: FieldFile) -> None:
    ours, theirs = file.grid, surface.grid
    if ours.equals(theirs):
        return
    problem = "{} x {} points, expected {} x {}".format(*theirs.shape, *ours.shape)
    if ours.shape == theirs.shape:
        latitude = np.abs(ours.latitude - theirs.latitude).max()
        longitude = np.abs(ours.longitude - theirs.longitude).max()
        problem = f"latitudes up to {latitude:g}, longitudes up to {longitude:g} degrees off"
    raise Refusal(
        f"{surface.path}: its grid is not that of {file.path}: {problem}; bring it to "
        "that grid, or mend data.surface_files"
    )


@contextmanager
def opened(path: Path) -> Iterator[xr.Dataset]:
    """The file as a dataset; what goes wrong with it, also while reading, becomes a Refusal."""
    try:
        with _open(path) as data:
            yield data
    except (OSError, RuntimeError, EOFError) as error:
        raise Refusal(
            f"{path}: cannot be read as NetCDF ({_line(error)}); it may be truncated, "
            "fetch it again"
        ) from None


def _open(path: Path) -> xr.Dataset:
    with path.open("rb") as file:
        magic = file.read(8)
    if magic.startswith(b"GRIB"):
        raise Refusal(f"{path}: is a GRIB file; turn it into NetCDF first (cdo -f nc4 copy IN OUT)")
    classic = magic.startswith(b"CDF")
    if not classic and magic != b"\x89HDF\r\n\x1a\n":
        raise Refusal(f"{path}: is no NetCDF file; mend data.files, or fetch it again")
    engine: Any = "scipy" if classic else "h5netcdf"
    try:
        return xr.open_dataset(path, engine=engine, decode_timedelta=False)
    except (ValueError, KeyError, TypeError, ImportError) as error:
        raise Refusal(
            f"{path}: cannot be understood as NetCDF ({_line(error)}); mend the file"
        ) from None


def _temperature(path: Path, data: xr.Dataset) -> Variable:
    found = _find(path, data, "temperature", None)
    if found is None:
        held = ", ".join(map(str, data.data_vars)) or "nothing"
        raise Refusal(
            f"{path}: no temperature on pressure levels, looked for "
            f"{names.looked_for('temperature')}; found {held}"
        )
    return found


def _others(path: Path, data: xr.Dataset, layout: axes.Layout) -> dict[str, Variable]:
    found = {q: _find(path, data, q, layout) for q in names.QUANTITIES if q != "temperature"}
    return {quantity: variable for quantity, variable in found.items() if variable is not None}


def _find(
    path: Path, data: xr.Dataset, quantity: str, layout: axes.Layout | None
) -> Variable | None:
    """The variable of a quantity with the axes it should have, in a unit that is known."""
    pairs = [(str(name), dict(data[name].attrs)) for name in data.variables]
    for name in names.candidates(quantity, pairs):
        if not _has_axes(data[name], quantity, layout):
            continue
        unit = data[name].attrs.get("units")
        try:
            numbers = names.conversion(quantity, name, unit)
        except KeyError:
            known = ", ".join(u for u in names.QUANTITIES[quantity].units if u)
            raise Refusal(
                f"{path}: {name} is in {unit!r}, expected one of {known}; mend its attribute units"
            ) from None
        if numbers is not None:
            return Variable(name, *numbers, str(data[name].attrs.get("standard_name", "")))
    return None


def _has_axes(array: xr.DataArray, quantity: str, layout: axes.Layout | None) -> bool:
    dims = [str(dim) for dim in array.dims]
    if layout is None:
        roles = {axes.role(array, dim) for dim in dims}
        return {"y", "x"} <= roles and ("level" in roles) == names.QUANTITIES[quantity].on_levels
    if not {layout.y, layout.x} <= set(dims):
        return False
    return (layout.level in dims) == names.QUANTITIES[quantity].on_levels


def _states(
    path: Path, data: xr.Dataset, array: xr.DataArray, layout: axes.Layout
) -> tuple[State, ...]:
    """Every field of the file, in the order in which its axes run."""
    times = axes.valid_times(path, data, array, layout)
    member = layout.others.get("member")
    shape = [array.sizes[dim] for dim in layout.states]
    states = []
    for index in np.ndindex(*shape):
        place = dict(zip(layout.states, index, strict=True))
        number = None
        if member:
            coordinate = data[member].values if member in data.coords else range(10**6)
            number = int(coordinate[place[member]])
        states.append(State(tuple(place.items()), times[index], number))
    return tuple(states)


def _winds_point_east(data: xr.Dataset, variables: dict[str, Variable], wind_axes: str) -> bool:
    if wind_axes != "auto" or "u" not in variables:
        return wind_axes == "earth"
    # cfgrib names every u eastward_wind; the flag of the GRIB message is right
    relative = data[variables["u"].name].attrs.get("GRIB_uvRelativeToGrid")
    if relative is not None:
        return not int(relative)
    return variables["u"].standard_name == "eastward_wind"


def _line(error: BaseException) -> str:
    """Libraries report in several lines, a refusal has one."""
    return " ".join(str(error).split())[:200]
