"""KNMI HDF5: one image, with calibration, quantity, times and place as the file states them.

Differs: pysteps' importer takes every file for hundredths of mm in 5 minutes, or half dBZ.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.amounts import as_rate
from mindcast.data.incoming.frames import Frame, Place
from mindcast.data.incoming.importers import damaged, placed
from mindcast.data.radar.attributes import is_code, plain
from mindcast.data.radar.hdf5 import HDF5_ERRORS
from mindcast.refusal import Refusal

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
TIME = re.compile(r"(\d\d)-([A-Z]{3})-(\d{4});(\d\d):(\d\d):(\d\d)(?:\.\d+)?")
NUMBER = r"([-+]?[0-9.]+(?:[eE][-+]?\d+)?)"
FORMULA = re.compile(rf"GEO\s*=\s*{NUMBER}\s*\*\s*PV\s*\+?\s*{NUMBER}")
PIXELS = {"KM": "km", "M": "m"}  # units of their sides, as MapGrid's edges have them


def places(files: Sequence[Path], settings: InputSettings, interval_minutes: int) -> list[Place]:
    """A frame each, of the end of its accumulation."""
    return [Place(path, _times(path)[1]) for path in files]


def read(place: Place, settings: InputSettings) -> Frame:
    """Rain rate in mm/h of an accumulation, or dBZ of reflectivity."""
    path = place.path
    unit = _unit(path)
    slope, offset, missing = _calibration(path)
    codes = _codes(path)
    values = codes * slope + offset
    for code in missing:
        values[is_code(codes, code)] = np.nan
    values, grid = placed(path, values, _edges(path, codes.shape))
    start, end = _times(path)
    minutes = float((end - start) / np.timedelta64(60, "s")) or None
    return Frame(*as_rate(values, unit, path, minutes, settings), grid)


def _codes(path: Path) -> np.ndarray:
    """The image (H, W), float64: counts as they are stored, the northernmost row first."""
    try:
        with h5py.File(path, "r") as file:
            codes = np.asarray(file["image1/image_data"])
    except HDF5_ERRORS as error:
        raise damaged(path, error) from None
    if codes.ndim != 2 or codes.dtype.kind not in "iu":
        raise Refusal(
            f"{path}: image1/image_data is {codes.dtype} {codes.shape}, expected counts (H, W); "
            "give the file as KNMI wrote it"
        )
    return codes.astype(np.float64)


def _edges(path: Path, shape: tuple[int, ...]) -> dict[str, Any]:
    """Projection and outer edges of the image, for `placed`.

    Offsets count pixels from the projection's origin; sizes down the rows are negative.
    """

    def number(name: str) -> float:
        return _number(path, "geographic", name)

    stated = str(_attribute(path, "geographic", "geo_dim_pixel")).upper()
    sides = {side.strip() for side in stated.split(",")}
    if len(sides) != 1 or not sides <= PIXELS.keys():
        raise Refusal(f"{path}: geo_dim_pixel = {stated!r}, expected KM,KM or M,M; fix it")
    across, down = number("geo_pixel_size_x"), number("geo_pixel_size_y")
    left, top = number("geo_column_offset"), number("geo_row_offset")
    group = "geographic/map_projection"
    return {
        "projection": str(_attribute(path, group, "projection_proj4_params")),
        "x1": left * across,
        "x2": (left + shape[1]) * across,
        "y1": (top + shape[0]) * down,
        "y2": top * down,
        "cartesian_unit": PIXELS[sides.pop()],
    }


def _number(path: Path, group: str, name: str) -> float:
    stated = _attribute(path, group, name)
    if isinstance(stated, bool) or not isinstance(stated, int | float):
        raise Refusal(f"{path}: {group} has {name} = {stated!r}, expected a number; fix it")
    return float(stated)


def _unit(path: Path) -> str:
    """The unit of its values, by the parameter that the image states; Refusal for another."""
    stated = str(_attribute(path, "image1", "image_geo_parameter")).upper()
    if "PRECIP" in stated or "RAIN" in stated:
        return "mm"
    if "REFLECTIVITY" in stated or "DBZ" in stated:
        return "dBZ"
    raise Refusal(
        f"{path}: image_geo_parameter = {stated!r}, expected accumulated precipitation or "
        "reflectivity; give such a product"
    )


def _calibration(path: Path) -> tuple[float, float, tuple[float, ...]]:
    """Slope and offset of the codes, and those that mean nothing was measured."""
    group = "image1/calibration"
    formula = str(_attribute(path, group, "calibration_formulas"))
    found = FORMULA.fullmatch(formula.strip())
    if found is None:
        raise Refusal(
            f"{path}: calibration_formulas = {formula!r}, expected such as GEO=0.01*PV+0.0; fix it"
        )
    names = ("calibration_missing_data", "calibration_out_of_image")
    codes = [_attribute(path, group, name, needed=False) for name in names]
    missing = tuple(float(code) for code in codes if isinstance(code, int | float))
    return float(found[1]), float(found[2]), missing


def _times(path: Path) -> tuple[np.datetime64, np.datetime64]:
    """Start and end of the measurement."""
    start, end = (_time(path, f"product_datetime_{which}") for which in ("start", "end"))
    return start, end


def _time(path: Path, name: str) -> np.datetime64:
    stated = str(_attribute(path, "overview", name))
    found = TIME.fullmatch(stated.upper())
    try:
        if found is None:
            raise ValueError(stated)
        day, month, year, *clock = found.groups()
        number = MONTHS.index(month) + 1
        hour, minute, second = map(int, clock)
        return np.datetime64(datetime(int(year), number, int(day), hour, minute, second), "s")
    except ValueError:
        raise Refusal(
            f"{path}: {name} = {stated!r}, expected such as 26-AUG-2010;00:05:00.000; fix it"
        ) from None


def _attribute(path: Path, group: str, name: str, needed: bool = True) -> Any:
    try:
        with h5py.File(path, "r") as file:
            found = plain(file[group].attrs.get(name))
    except HDF5_ERRORS as error:
        raise damaged(path, error) from None
    if found is None and needed:
        raise Refusal(f"{path}: {group} lacks {name}; give the file as KNMI wrote it")
    return found
