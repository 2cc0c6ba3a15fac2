"""The axes of a grid of radar pixels in the words of CF."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from mindcast.mapgrid import MapGrid
from mindcast.output.netcdf import Variable

if TYPE_CHECKING:
    import pyproj  # late at run time, as all that few need

GRID_MAPPING = "crs"
SAME_PLACE = 1e-5  # degrees, a metre


def pixel_axes(shape: tuple[int, int]) -> dict[str, Variable]:
    """Of frames (H, W) that lie nowhere known: their rows and columns, counted from 0."""
    texts = {"y": "row of the frame, the first at the top", "x": "column of the frame"}
    return {
        name: ((name,), np.arange(length, dtype=np.int32), {"long_name": text, "units": "1"})
        for (name, text), length in zip(texts.items(), shape, strict=True)
    }


def map_axes(grid: MapGrid) -> dict[str, Variable]:
    """x, y, the grid mapping and the latitude and longitude of every pixel, degrees on WGS 84.

    The grid mapping always holds the projection as "crs_wkt", and the parameters of CF where these
    put the pixels at the same place: CF has not all projections, and of some not all parameters.
    ValueError where the axes of the projection are not in metres.
    """
    import pyproj

    projection = pyproj.CRS(grid.projection)
    if any(axis.unit_conversion_factor != 1 for axis in projection.axis_info):
        units = ", ".join(axis.unit_name for axis in projection.axis_info)
        raise ValueError(f"{grid.projection}: got axes in {units}, expected metres, see MapGrid")
    axes = {about["axis"].lower(): about for about in projection.cs_to_cf()}
    latitude, longitude = (np.where(np.isfinite(a), a, np.nan) for a in grid.degrees())
    return {
        "y": (("y",), grid.y, axes["y"]),
        "x": (("x",), grid.x, axes["x"]),
        GRID_MAPPING: ((), np.array(0, np.int32), _grid_mapping(projection, grid)),
        "latitude": (("y", "x"), latitude, _degrees("latitude", "north")),
        "longitude": (("y", "x"), longitude, _degrees("longitude", "east")),
    }


def _grid_mapping(projection: pyproj.CRS, grid: MapGrid) -> dict[str, Any]:
    with warnings.catch_warnings():
        # of a parameter that CF lacks: it stands in the WKT
        warnings.simplefilter("ignore", UserWarning)
        found: dict[str, Any] = dict(projection.to_cf())
    if found.get("grid_mapping_name") == "polar_stereographic":
        # CF wants the pole even where the sign of the standard parallel tells it
        pole = math.copysign(90.0, found.get("standard_parallel", 90.0))
        found.setdefault("latitude_of_projection_origin", pole)
    wkt = {"crs_wkt": found.pop("crs_wkt")}
    return {**found, **wkt} if _tell(found, grid) else wkt


def _tell(parameters: dict[str, Any], grid: MapGrid) -> bool:
    """Whether CF's parameters alone put the corners of a grid where its projection does."""
    import pyproj

    try:
        told = pyproj.CRS.from_cf(parameters).to_wkt()
    except pyproj.exceptions.CRSError:
        return False
    x, y = grid.x[[0, -1]], grid.y[[0, -1]]
    found, expected = (MapGrid(x, y, text).degrees() for text in (told, grid.projection))
    return np.allclose(found, expected, rtol=0, atol=SAME_PLACE, equal_nan=True)


def _degrees(name: str, towards: str) -> dict[str, str]:
    long_name = f"{name} of the pixel's centre"
    return {"standard_name": name, "long_name": long_name, "units": f"degrees_{towards}"}
