"""ODIM HDF5 composites (OPERA Data Information Model 2): OPERA, DWD, MeteoSwiss, SMHI and others.

Differs from pysteps' four importers of it, which know some providers each: time, minutes of
accumulation and map are the file's own, what was radiated without an echo is no rain (pysteps takes
it for the offset, or for missing), and several datasets are told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.amounts import as_rate
from mindcast.data.incoming.frames import NO_ECHO_DBZ, NO_MAP, Frame, Place
from mindcast.data.incoming.importers import damaged, placed
from mindcast.data.incoming.projections import projection_in_metres
from mindcast.data.radar.attributes import is_code, plain
from mindcast.data.radar.hdf5 import HDF5_ERRORS
from mindcast.refusal import Refusal

UNITS = {"DBZH": "dBZ", "DBZV": "dBZ", "DBZ": "dBZ", "TH": "dBZ", "RATE": "mm/h", "ACRR": "mm"}
CARTESIAN = ("COMP", "IMAGE", "")  # objects; others are polar
CORNERS = ("LL", "LR", "UL", "UR")


@dataclass(frozen=True)
class Part:
    """An array of a file ("dataset1/data1") and what it holds."""

    name: str
    quantity: str


def places(files: Sequence[Path], settings: InputSettings, interval_minutes: int) -> list[Place]:
    """A frame each: nominal time, of amounts the end of the accumulation."""
    found = []
    for path in files:
        with _opened(path) as file:
            part = _chosen(path, _parts(file), settings)
            end = _times(path, file, part)[1] if UNITS[part.quantity] == "mm" else None
            found.append(Place(path, end or _nominal(path, file), part=part.name))
    return found


def read(place: Place, settings: InputSettings) -> Frame:
    """dBZ or rain rate, mm/h; amounts become rates."""
    path = place.path
    with _opened(path) as file:
        parts = _parts(file)
        part = _chosen(path, parts, settings)
        stored = np.asarray(file[part.name]["data"])
        about = {name: _lookup(file, part.name, name) for name in ("gain", "offset")}
        codes = {name: _lookup(file, part.name, name) for name in ("nodata", "undetect")}
        start, end = _times(path, file, part)
        edges = _edges(_where(file, part.name))
    unit = UNITS[part.quantity]
    gain, offset = _number(path, about["gain"], 1.0), _number(path, about["offset"], 0.0)
    values = stored.astype(np.float64) * gain + offset
    if codes["undetect"] is not None:
        no_rain = NO_ECHO_DBZ if unit == "dBZ" else 0.0
        values[is_code(stored, _number(path, codes["undetect"], 0.0))] = no_rain
    if codes["nodata"] is not None:
        values[is_code(stored, _number(path, codes["nodata"], 0.0))] = np.nan
    values, grid = placed(path, values, edges)
    minutes = None
    if start is not None and end is not None:
        minutes = float((end - start) / np.timedelta64(60, "s")) or None
    values, unit = as_rate(values, unit, path, minutes, settings)
    return Frame(values, unit, grid, (*_others(part, parts), *([] if grid else [NO_MAP])))


def _others(part: Part, parts: Sequence[Part]) -> tuple[str, ...]:
    """What the file holds that might have been meant, in words."""
    found = sorted({one.quantity for one in parts if one.quantity in UNITS} - {part.quantity})
    words = f"{part.quantity} is taken, the files hold {', '.join(found)} too (input.variable)"
    return (words,) if found else ()


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    try:
        with h5py.File(path, "r") as file:
            kind = str(_lookup(file, "", "object") or "")
            if kind not in CARTESIAN:
                raise Refusal(
                    f"{path}: what/object = {kind!r}, a polar measurement; make a composite on a "
                    "map of it first (wradlib, BALTRAD)"
                )
            yield file
    except Refusal:
        raise
    except HDF5_ERRORS as error:
        raise damaged(path, error) from None


def _parts(file: h5py.File) -> list[Part]:
    """The arrays of the file in order of their names."""
    return [
        Part(f"{group}/{name}", str(_lookup(file, f"{group}/{name}", "quantity") or ""))
        for group in sorted(file)
        if group.startswith("dataset") and isinstance(file[group], h5py.Group)
        for name in sorted(file[group])
        if name.startswith("data") and isinstance(file[group][name], h5py.Group)
    ]


def _chosen(path: Path, parts: Sequence[Part], settings: InputSettings) -> Part:
    """The array of rain or reflectivity; Refusal for none, or for several that may be meant."""
    wanted = settings.variable
    known = [part for part in parts if part.quantity in UNITS]
    if wanted:
        known = [part for part in known if wanted in (part.quantity, part.name)]
    first = [part for name in UNITS for part in known if part.quantity == name]
    words = ", ".join(f"{part.name} ({part.quantity})" for part in parts) or "nothing"
    if not first:
        asked = f" that is input.variable = {wanted!r}" if wanted else ""
        raise Refusal(
            f"{path}: holds no quantity of {', '.join(UNITS)}{asked}, found {words}; give such a "
            "product"
        )
    same = [part for part in first if part.quantity == first[0].quantity]
    if len(same) > 1:
        raise Refusal(
            f"{path}: several arrays may be meant, {words}; name one in input.variable, such as "
            f"{same[0].name}"
        )
    return first[0]


def _lookup(file: h5py.File, part: str, name: str) -> Any:
    """An attribute of "what" beside an array, or of the nearest group above that has it."""
    path = part
    while True:
        group = file.get(f"{path}/what" if path else "what")
        found = plain(group.attrs.get(name)) if group is not None else None
        if found is not None or not path:
            return found
        path = path.rpartition("/")[0]


def _where(file: h5py.File, part: str) -> dict[str, Any]:
    """Attributes of "where", those nearest to an array first."""
    found: dict[str, Any] = {}
    for path in ("where", f"{part.partition('/')[0]}/where", f"{part}/where"):
        if path in file:
            found.update({name: plain(value) for name, value in file[path].attrs.items()})
    return found


def _edges(where: dict[str, Any]) -> dict[str, Any]:
    """The outer edges of the area by its corners, as pysteps' importers give them."""
    import pyproj  # late: it is slow

    projection = where.get("projdef")
    corners = [c for c in CORNERS if f"{c}_lon" in where and f"{c}_lat" in where]
    if not projection or not {"LL", "UR"} <= {*corners}:
        return {}
    projection = projection_in_metres(str(projection))
    to_map = pyproj.Proj(projection)
    points = [to_map(float(where[f"{c}_lon"]), float(where[f"{c}_lat"])) for c in corners]
    x, y = zip(*points, strict=True)
    degrees = to_map.crs.is_geographic
    return {
        "projection": projection,
        "x1": min(x),
        "x2": max(x),
        "y1": min(y),
        "y2": max(y),
        "cartesian_unit": "degrees" if degrees else "m",
        **({} if degrees else {"xpixelsize": where.get("xscale")}),
        **({} if degrees else {"ypixelsize": where.get("yscale")}),
    }


def _nominal(path: Path, file: h5py.File) -> np.datetime64:
    found = _time(path, _lookup(file, "", "date"), _lookup(file, "", "time"))
    if found is None:
        raise Refusal(f"{path}: what/date and what/time are missing; give the file as it was made")
    return found


def _times(
    path: Path, file: h5py.File, part: Part
) -> tuple[np.datetime64 | None, np.datetime64 | None]:
    """Start and end of the measurement, where they are stated."""
    start, end = (
        _time(path, _lookup(file, part.name, f"{w}date"), _lookup(file, part.name, f"{w}time"))
        for w in ("start", "end")
    )
    return start, end


def _time(path: Path, day: Any, clock: Any) -> np.datetime64 | None:
    if day is None or clock is None:
        return None
    d, c = str(day), str(clock).partition(".")[0].ljust(6, "0")
    try:
        return np.datetime64(f"{d[:4]}-{d[4:6]}-{d[6:8]}T{c[:2]}:{c[2:4]}:{c[4:6]}", "s")
    except ValueError:
        raise Refusal(
            f"{path}: date {day!r} and time {clock!r}, expected such as 20200701 and 120500"
        ) from None


def _number(path: Path, value: Any, otherwise: float) -> float:
    if value is None:
        return otherwise
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise Refusal(f"{path}: an attribute of what is {value!r}, expected a number; fix it")
    return float(value)
