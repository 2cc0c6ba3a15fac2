"""The axes of a file: which is which, in what order and unit, and the grid that they span."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xarray as xr

from mindcast.data.temperature.grid import Grid, projected_grid, regular_grid
from mindcast.data.temperature.names import AXES, PRESSURE_UNITS, axis_role, spelling
from mindcast.refusal import Refusal

EVENNESS = 2e-3  # of a step: what float32 leaves of evenly spaced longitudes
PLANES = {"y": ("xlat", "nav_lat"), "x": ("xlong", "nav_lon")}  # names of positions on a map
STEP_UNITS = {"h": 60, "m": 1, "s": 1 / 60, "d": 1440}  # first letter of hours, minutes, ...


@dataclass(frozen=True)
class Layout:
    """Names of the axes of a file, and how its columns lie.

    level: "" where there is none. states: the axes other than level, y and x. others: role ("time",
        "step", "member") to name.
    flipped: columns run westwards. columns: how many are kept (a repeated last one is not).
    """

    level: str
    y: str
    x: str
    states: tuple[str, ...]
    others: dict[str, str] = field(default_factory=dict)
    flipped: bool = False
    columns: int | None = None

    def arranged(self, values: np.ndarray) -> np.ndarray:
        """Columns (last axis) of the file, from west to east."""
        return (values[..., ::-1] if self.flipped else values)[..., : self.columns]


def role(array: xr.DataArray, dim: str) -> str | None:
    """What an axis stands for: by its coordinate's standard name and units, else by its name."""
    attributes = array[dim].attrs if dim in array.coords else {}
    standard = str(attributes.get("standard_name", ""))
    by_standard = {"air_pressure": "level", "latitude": "y", "longitude": "x", "time": "time"}
    if standard in by_standard:
        return by_standard[standard]
    if spelling(str(attributes.get("units", ""))) in PRESSURE_UNITS:
        return "level"
    return axis_role(dim)


def find_layout(path: Path, data: xr.Dataset, array: xr.DataArray) -> Layout:
    """The axes of a field; Refusal for one that stands for nothing known."""
    roles: dict[str, str] = {}
    states = []
    for dim in map(str, array.dims):
        known = role(array, dim)
        if known in ("level", "y", "x"):
            roles[known] = dim
        elif known is not None or array.sizes[dim] == 1:
            states.append(dim)
            roles[known or dim] = dim
        else:
            raise Refusal(
                f"{path}: axis {dim} of {array.name} (length {array.sizes[dim]}), "
                f"expected one of {', '.join(AXES)}; take one index of it"
            )
    level, y, x = (roles.pop(name, "") for name in ("level", "y", "x"))
    plain = Layout(level, y, x, tuple(states), roles)
    if x not in data.coords or data[x].ndim != 1 or not _is_regular(data, plain):
        return plain
    longitude = _unwrapped(path, data, x)
    flipped = bool(longitude[-1] < longitude[0])
    span = abs(longitude[-1] - longitude[0])
    repeated = abs(span - 360) < 0.5 * span / (len(longitude) - 1)
    return Layout(level, y, x, tuple(states), roles, flipped, len(longitude) - int(repeated))


def levels(path: Path, data: xr.Dataset, layout: Layout) -> np.ndarray:
    """Pressures in hPa in the file's order; Refusal unless they rise or fall throughout."""
    if layout.level not in data.coords:
        raise Refusal(f"{path}: axis {layout.level} has no values; expected pressures")
    coordinate = data[layout.level]
    values = np.asarray(coordinate.values, np.float64)
    unit = spelling(str(coordinate.attrs.get("units", "")))
    if unit not in PRESSURE_UNITS:
        unit = "pa" if layout.level.lower().endswith("inpa") or values.max() > 2000 else "hpa"
    pressure = values * PRESSURE_UNITS[unit] / 100
    steps = np.diff(pressure)
    if not (steps > 0).all() and not (steps < 0).all():
        shown = ", ".join(f"{p:g}" for p in pressure)
        raise Refusal(f"{path}: levels {shown} hPa neither rise nor fall; sort them in the file")
    return pressure


def find_grid(path: Path, data: xr.Dataset, layout: Layout) -> Grid:
    """The horizontal grid, columns from west to east; Refusal if its points cannot be placed."""
    if _is_regular(data, layout):
        rows = np.asarray(data[layout.y].values, np.float64)
        columns = layout.arranged(_unwrapped(path, data, layout.x))
        _check_regular(path, rows, columns)
        return regular_grid(rows, columns)
    latitude, longitude = _plane(data, layout, "y"), _plane(data, layout, "x")
    if latitude is None or longitude is None:
        raise Refusal(
            f"{path}: no latitude and longitude on the axes {layout.y}, {layout.x}; "
            "add lat and lon to the file"
        )
    if min(latitude.shape) < 3 or not np.isfinite([latitude, longitude]).all():
        raise Refusal(
            f"{path}: latitude and longitude, {latitude.shape}, must be finite, on 3 x 3 "
            "points at least"
        )
    spacing = _map_spacing(data, layout)
    return projected_grid(latitude, longitude, spacing, _runs_north(data, layout))


def valid_times(path: Path, data: xr.Dataset, array: xr.DataArray, layout: Layout) -> np.ndarray:
    """Valid time of every index of `layout.states`, datetime64[m]; Refusal where there is none."""
    found = [
        n
        for n in ("valid_time", layout.others.get("time"), "time", *AXES["time"])
        if n in data.variables and np.issubdtype(data[n].dtype, np.datetime64)
    ]
    if not found:
        raise Refusal(f"{path}: no time that can be decoded, looked for {', '.join(AXES['time'])}")
    times, step = data[found[0]], layout.others.get("step")
    if step and step in data.variables and step not in times.dims:
        times = times + _minutes(data[step])
    if np.isnat(times.values).any():
        raise Refusal(f"{path}: {found[0]} holds times that are missing; fix the file")
    shape = xr.DataArray(
        np.zeros([array.sizes[d] for d in layout.states], bool), dims=layout.states
    )
    extra = set(times.dims) - set(layout.states)
    spread = times.isel(dict.fromkeys(extra, 0)).drop_vars(list(times.coords)).broadcast_like(shape)
    return np.asarray(spread.transpose(*layout.states).values, "datetime64[m]")


def _minutes(step: xr.DataArray) -> xr.DataArray:
    letter = str(step.attrs.get("units", "hours"))[:1].lower()
    minutes = np.rint(np.asarray(step.values, np.float64) * STEP_UNITS.get(letter, 60))
    return xr.DataArray(minutes.astype("timedelta64[m]"), dims=step.dims)


def _is_regular(data: xr.Dataset, layout: Layout) -> bool:
    """Whether the axes themselves are latitude and longitude."""
    return all(
        dim in data.coords
        and (
            data[dim].attrs.get("standard_name") == kind
            or dim.lower().startswith((kind, kind[:3]))
            or str(data[dim].attrs.get("units", "")).startswith(f"degrees_{side}")
        )
        for dim, kind, side in ((layout.y, "latitude", "north"), (layout.x, "longitude", "east"))
    )


def _unwrapped(path: Path, data: xr.Dataset, x: str) -> np.ndarray:
    """Longitudes without the jump by 360 degrees, as they lie in the file."""
    longitude = np.asarray(data[x].values, np.float64)
    if len(longitude) < 3:
        raise Refusal(f"{path}: {len(longitude)} longitudes, expected 3 at least")
    return np.unwrap(longitude, period=360)


def _check_regular(path: Path, latitude: np.ndarray, longitude: np.ndarray) -> None:
    steps = np.diff(longitude)
    if np.abs(steps - steps.mean()).max() > EVENNESS * abs(steps.mean()) + 1e-5:
        raise Refusal(
            f"{path}: longitudes are not evenly spaced; interpolate them to a regular grid first"
        )
    rises = np.diff(latitude)
    if len(latitude) < 3 or not ((rises > 0).all() or (rises < 0).all()):
        raise Refusal(f"{path}: {len(latitude)} latitudes, expected 3 at least that rise or fall")
    if np.abs(latitude).max() > 90 + 1e-3:
        raise Refusal(f"{path}: latitudes reach {np.abs(latitude).max():g}, expected -90 to 90")


def _plane(data: xr.Dataset, layout: Layout, kind: str) -> np.ndarray | None:
    """Latitude ("y") or longitude ("x") of every point, if the file holds them."""
    standard = "latitude" if kind == "y" else "longitude"
    for name in data.variables:
        array = data[name]
        named = axis_role(str(name)) == kind or str(name).lower() in PLANES[kind]
        by_standard = array.attrs.get("standard_name") == standard
        if set(array.dims) == {layout.y, layout.x} and (named or by_standard):
            return np.asarray(array.transpose(layout.y, layout.x).values, np.float64)
    return None


def _map_spacing(data: xr.Dataset, layout: Layout) -> tuple[np.ndarray, np.ndarray] | None:
    """True steps from the map's spacing and scale factor, where the file gives both."""
    if "map_factor" not in data.variables or "dx_m" not in data.attrs:
        return None
    factor = np.asarray(data["map_factor"].transpose(layout.y, layout.x).values, np.float64)
    dx = float(np.ravel(data.attrs["dx_m"])[0])
    dy = float(np.ravel(data.attrs.get("dy_m", dx))[0])
    return abs(dx) / factor, abs(dy) / factor


def _runs_north(data: xr.Dataset, layout: Layout) -> bool | None:
    """Whether the projection's y grows with the row index; None where the file does not show it."""
    if layout.y not in data.coords or data[layout.y].ndim != 1:
        return None
    y = np.asarray(data[layout.y].values, np.float64)
    return bool(y[-1] > y[0]) if len(y) > 1 and y[-1] != y[0] else None
