"""Where the pixels of a CF file lie: axes in metres or degrees, and the grid mapping."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np

from mindcast.data.incoming.projections import plate_carree
from mindcast.data.radar.attributes import plain
from mindcast.data.temperature import units
from mindcast.data.temperature.units import text
from mindcast.data.variables import Dataset, Field, Packed
from mindcast.mapgrid import MapGrid
from mindcast.refusal import Refusal

NORTH = ("degrees_north", "degree_north", "degrees_n", "degree_n", "degreen", "degreesn")
NO_PROJECTION = "the file does not state a projection that is known: no map"
NO_AXES = "the file has no coordinates of rows and columns: no map, row 0 is taken as north"
Placed = tuple[np.ndarray, MapGrid | None, tuple[str, ...]]


def north_up(path: Path, data: Dataset, field: Packed, values: np.ndarray) -> Placed:
    """The values (H, W) with rows from north to south and columns from west to east; their grid.

    Notes where the file does not say where they lie. Refusal for axes that contradict each other.
    """
    names = (str(field.dims[0]), str(field.dims[1]))
    if _is_swapped(data, names):
        names, values = (names[1], names[0]), values.T
    y, x = (_axis(data, name) for name in names)
    if y is None or x is None:
        return _unplaced(data, names, values)
    kinds = tuple(_unit(path, data[name]) for name in names)
    if kinds[0][0] != kinds[1][0]:
        raise Refusal(f"{path}: {names[0]} and {names[1]} are of different units; fix them")
    y, x = y * kinds[0][1], x * kinds[1][1]
    values, y, x = _turned(values, y, x)
    try:
        return _located(data, field, values, y, x, is_degrees=kinds[0][0] == "degrees")
    except ValueError as error:
        raise Refusal(
            f"{path}: {' and '.join(names)} are no even grid ({error}); bring the field onto one"
        ) from None


def _unplaced(data: Dataset, names: tuple[str, str], values: np.ndarray) -> Placed:
    """Without axes: north is where the latitudes of the pixels say it, if there are any."""
    for array in data.variables.values():
        unit = text(array.attrs.get("units", "")).lower()
        if array.dims == names and unit in NORTH:
            latitude = np.asarray(array.values)
            south_first = np.nanmean(latitude[0]) < np.nanmean(latitude[-1])
            return values[::-1] if south_first else values, None, (NO_PROJECTION,)
    return values, None, (NO_AXES,)


def _located(
    data: Dataset,
    field: Packed,
    values: np.ndarray,
    y: np.ndarray,
    x: np.ndarray,
    is_degrees: bool,
) -> Placed:
    if is_degrees:
        return values, plate_carree(y, x), ()
    projection = _projection(data, field)
    if projection is None:
        return values, None, (NO_PROJECTION,)
    return values, MapGrid(x, y, projection), ()


def _projection(data: Dataset, field: Packed) -> str | None:
    """The grid mapping as WKT, whatever its variable is called; None without one."""
    name = text(field.attrs.get("grid_mapping", field.encoding.get("grid_mapping", "")))
    name = name.partition(":")[0].strip()
    if name not in data.variables:
        return None
    about = {str(key): plain(value) for key, value in data[name].attrs.items()}
    return _wkt(json.dumps(about, sort_keys=True, default=str))


@lru_cache(maxsize=16)
def _wkt(mapping: str) -> str | None:
    """Of the attributes of a grid mapping, as JSON: it takes long, and all files have the same."""
    import pyproj  # late: it is slow

    try:
        return str(pyproj.CRS.from_cf(json.loads(mapping)).to_wkt())
    except (pyproj.exceptions.CRSError, KeyError, ValueError, TypeError):
        return None


def _axis(data: Dataset, dim: str) -> np.ndarray | None:
    if dim not in data.variables or data[dim].ndim != 1 or data.sizes[dim] < 2:
        return None
    if text(data[dim].attrs.get("units", "")) == "1":  # rows and columns, counted
        return None
    values = np.asarray(data[dim].values)
    return values.astype(np.float64) if values.dtype.kind in "iuf" else None


def _unit(path: Path, axis: Field) -> tuple[str, float]:
    """("m" or "degrees", factor to it)."""
    stated = text(axis.attrs.get("units", ""))
    if stated.lower().startswith("degree") and not text(
        axis.attrs.get("standard_name", "")
    ).startswith("grid_"):
        return "degrees", 1.0
    try:
        found = units.conversion(stated, "m") if stated else None
    except ValueError:
        found = None
    if found is None:
        raise Refusal(
            f"{path}: axis {axis.name} is in {stated or 'no unit'!r}, expected m, km or degrees; "
            "fix its attribute units"
        )
    return "m", found[0]


def _is_swapped(data: Dataset, names: tuple[str, str]) -> bool:
    about = data[names[0]].attrs if names[0] in data.variables else {}
    standard = text(about.get("standard_name", ""))
    return standard in ("projection_x_coordinate", "longitude") or names[0].lower() in (
        "x",
        "lon",
        "longitude",
    )


def _turned(
    values: np.ndarray, y: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows from north to south, columns from west to east."""
    if y[0] < y[-1]:
        values, y = values[::-1], y[::-1]
    if x[0] > x[-1]:
        values, x = values[:, ::-1], x[::-1]
    return values, y, x
