"""Projections of files as those of `MapGrid`: metres, evenly spaced."""

from __future__ import annotations

import re

import numpy as np

from mindcast.mapgrid import MapGrid

LENGTH = re.compile(r"\+(a|b|R|x_0|y_0)=([-+0-9.eE]+)")
EARTH_LEAST_M = 6.0e6
WGS84 = "+proj=longlat +datum=WGS84"


def projection_in_metres(projection: str) -> str:
    """A PROJ text whose coordinates are metres, also where it was written for kilometres.

    Radius and false origin may be in kilometres themselves, as in files of KNMI.
    """
    text = projection.strip()
    radius = next((float(v) for k, v in LENGTH.findall(text) if k in ("a", "R")), EARTH_LEAST_M)
    if radius < EARTH_LEAST_M:
        text = LENGTH.sub(lambda m: f"+{m[1]}={float(m[2]) * 1000:.12g}", text)
    return re.sub(r"\+units=km\b", "+units=m", text)


def plate_carree(
    latitude: np.ndarray, longitude: np.ndarray, projection: str = WGS84
) -> MapGrid | None:
    """A regular grid of degrees in metres: equidistant cylindrical, true at its middle latitude.

    latitude falls, longitude rises, both evenly. None for degrees that no map has. ValueError as
    MapGrid.
    """
    import pyproj  # late: it is slow

    if np.abs(latitude).max() > 90 or np.ptp(longitude) > 360:
        return None
    middle = round(float(latitude.mean()), 3)
    ellipsoid = pyproj.CRS(projection).ellipsoid
    a = ellipsoid.semi_major_metre if ellipsoid else 6_371_000.0
    b = ellipsoid.semi_minor_metre if ellipsoid else a
    centre = round(float(longitude.mean()), 3)  # no jump by 360 degrees within the grid
    flat = f"+proj=eqc +lat_ts={middle} +lon_0={centre} +a={a:.12g} +b={b:.12g} +units=m +no_defs"
    to_metres = pyproj.Proj(flat)
    x, _ = to_metres(longitude, np.full_like(longitude, middle))
    _, y = to_metres(np.full_like(latitude, centre), latitude)
    return MapGrid(np.asarray(x), np.asarray(y), flat)
