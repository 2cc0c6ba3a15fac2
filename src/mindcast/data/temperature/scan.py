"""What a NetCDF file holds, found out once: its variables, axes, grid and states."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import xarray as xr

from mindcast.data.temperature import names
from mindcast.data.temperature.axes import Layout
from mindcast.data.temperature.field_file import FieldFile, Variable
from mindcast.data.temperature.find import Opened, find, look_into
from mindcast.data.temperature.horizontal import find_grid
from mindcast.data.temperature.levels import pressures
from mindcast.data.temperature.netcdf import groups_of, opened
from mindcast.data.temperature.states import State, find_states
from mindcast.data.temperature.units import text
from mindcast.refusal import Refusal


def scan(path: Path, wind_axes: str = "auto", surface: Path | None = None) -> FieldFile:
    """Find out what a file holds; Refusal if it is not a readable file of this kind.

    wind_axes, and surface, one of surface_files: see `TemperatureSettings`.
    """
    file = _scan(path, wind_axes, _last_change(path, "data.files"))
    if surface is None:
        return file
    ground = scan_ground(surface)
    for quantity in ground.values():
        _require_same_grid(file, quantity)
    lacking = {q: found for q, found in ground.items() if q not in file.variables}
    return replace(file, apart={**file.apart, **lacking})


def scan_ground(path: Path) -> dict[str, FieldFile]:
    """What one of surface_files holds at the ground, each quantity with the grid that it is on."""
    return dict(_scan_surface(path, _last_change(path, "data.surface_files")))


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
        file = look_into(path, data)
        temperature, layout = _temperature(file)
        levels = pressures(path, file.data, layout.level)
        whole = _alone(file, "temperature", temperature, layout, levels)
        variables, apart = {"temperature": temperature}, {}
        for quantity in names.QUANTITIES:
            found = None if quantity in variables else find(file, quantity)
            if found is None:
                continue
            if not layout.holds(found[1]):
                alone = _alone(file, quantity, *found)
                if not alone.grid.equals(whole.grid):  # of staggered winds, or another nest
                    continue
                apart[quantity] = alone
            variables[quantity] = found[0]
        earth_winds = _winds_point_east(data, variables, wind_axes)
        return replace(whole, variables=variables, apart=apart, earth_winds=earth_winds)


@lru_cache(maxsize=1024)
def _scan_surface(path: Path, changed: int) -> dict[str, FieldFile]:
    """What a file holds at the ground; each quantity may have axes of its own."""
    with opened(path) as data:
        file = look_into(path, data)
        found = {q: find(file, q) for q in names.AT_GROUND}
        files = {q: _alone(file, q, *pair) for q, pair in found.items() if pair is not None}
    if not files:
        raise Refusal(
            f"{path}: none of {', '.join(names.AT_GROUND)} on latitude and longitude "
            "alone; fix data.surface_files"
        )
    return files


def _alone(
    file: Opened,
    quantity: str,
    variable: Variable,
    layout: Layout,
    levels: np.ndarray | None = None,
) -> FieldFile:
    """A file by one of its quantities alone."""
    path, data, array = file.path, file.data, file.data[variable.name]
    if levels is None:
        on_levels = names.QUANTITIES[quantity].on_levels
        levels = pressures(path, data, layout.level) if on_levels else np.empty(0)
    timed = layout.states or quantity == "temperature"
    timeless = (State((), np.datetime64("NaT")),)
    states = find_states(path, data, array, layout, file.roles) if timed else timeless
    grid = find_grid(path, data, layout)
    return FieldFile(path, levels, grid, states, {quantity: variable}, layout)


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


def _temperature(file: Opened) -> tuple[Variable, Layout]:
    found = find(file, "temperature")
    if found is None:
        groups = groups_of(file.path)
        if groups:
            raise Refusal(
                f"{file.path}: its variables lie in groups ({', '.join(groups)}), expected them "
                f"outside; take a group out, such as ncks -G : -g {groups[0]} IN OUT"
            )
        held = ", ".join(map(str, file.data.data_vars)) or "nothing"
        raise Refusal(
            f"{file.path}: no temperature on pressure levels, looked for "
            f"{names.looked_for('temperature')}; found {held}"
        )
    return found


def _winds_point_east(data: xr.Dataset, variables: dict[str, Variable], wind_axes: str) -> bool:
    if wind_axes != "auto" or "u" not in variables:
        return wind_axes == "earth"
    # cfgrib names every u eastward_wind; the flag of the GRIB message is right
    relative = data[variables["u"].name].attrs.get("GRIB_uvRelativeToGrid")
    if relative is not None:
        return text(relative) in ("0", "False", "0.0")
    return variables["u"].standard_name == "eastward_wind"
