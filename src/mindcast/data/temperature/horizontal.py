"""The horizontal grid that a file's axes span, or that its positions give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from mindcast.data.temperature.axes import Layout, is_regular, unwrapped
from mindcast.data.temperature.grid import Grid, projected_grid, regular_grid
from mindcast.data.temperature.roles import name_role
from mindcast.data.temperature.units import text
from mindcast.refusal import Refusal

EVENNESS = 2e-3  # of a step: what float32 leaves of evenly spaced longitudes
PLANES = {"y": ("xlat", "nav_lat"), "x": ("xlong", "nav_lon")}  # names of positions on a map


def find_grid(path: Path, data: xr.Dataset, layout: Layout) -> Grid:
    """The horizontal grid, columns from west to east; Refusal if its points cannot be placed."""
    if is_regular(data, layout.y, layout.x):
        rows = np.asarray(data[layout.y].values, np.float64)
        columns = layout.arranged(unwrapped(path, data, layout.x))
        _check_degrees(path, data, layout)
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


def _check_degrees(path: Path, data: xr.Dataset, layout: Layout) -> None:
    for dim in (layout.y, layout.x):
        unit = text(data[dim].attrs.get("units", "degrees"))
        if not unit.lower().startswith(("deg", "°")) and unit:
            raise Refusal(
                f"{path}: axis {dim} is in {unit!r}, expected degrees; fix its values and its "
                "attribute units"
            )


def _check_regular(path: Path, latitude: np.ndarray, longitude: np.ndarray) -> None:
    steps = np.diff(longitude)
    uneven = np.abs(steps - steps.mean()).max()
    if not uneven <= EVENNESS * abs(steps.mean()) + 1e-5:  # also NaN
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
        named = name_role(str(name)) == kind or str(name).lower() in PLANES[kind]
        by_standard = text(array.attrs.get("standard_name", "")) == standard
        one_cell = [d for d in array.dims if d not in (layout.y, layout.x) and array.sizes[d] == 1]
        if not (named or by_standard) or array.ndim < 2:
            continue
        array = array.isel(dict.fromkeys(one_cell, 0))
        if set(array.dims) == {layout.y, layout.x}:
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
