"""What a NetCDF file holds, found out once: its variables, axes, grid and states."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import xarray as xr

from mindcast.data.temperature import axes, names
from mindcast.data.temperature.field_file import FieldFile, State, Variable
from mindcast.data.temperature.netcdf import opened
from mindcast.refusal import Refusal


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
            f"{path}: cannot be read ({os.strerror(error.errno or 0)}); fix data.root_dir or {key}"
        ) from None


@lru_cache(maxsize=1024)
def _scan(path: Path, wind_axes: str, changed: int) -> FieldFile:
    """`changed`, the time of the last change, keeps the memory of a file from going stale."""
    with opened(path) as data:
        temperature = _temperature(path, data)
        layout = axes.find_layout(path, data, data[temperature.name])
        others = [name for name in names.QUANTITIES if name != "temperature"]
        found = {name: _find(path, data, name, layout) for name in others}
        variables = {"temperature": temperature, **{q: v for q, v in found.items() if v}}
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
            "alone; fix data.surface_files"
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
        "that grid, or fix data.surface_files"
    )


def _temperature(path: Path, data: xr.Dataset) -> Variable:
    found = _find(path, data, "temperature", None)
    if found is None:
        held = ", ".join(map(str, data.data_vars)) or "nothing"
        raise Refusal(
            f"{path}: no temperature on pressure levels, looked for "
            f"{names.looked_for('temperature')}; found {held}"
        )
    return found


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
                f"{path}: {name} is in {unit!r}, expected one of {known}; fix its attribute units"
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
