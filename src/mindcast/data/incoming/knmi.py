"""KNMI HDF5 through pysteps' importer, held to the calibration that the file states.

Differs: pysteps takes every file for hundredths of mm in 5 minutes (or half dBZ); here slope,
offset, missing codes, quantity and time of accumulation are those of the file.
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
from mindcast.data.incoming.importers import damaged, imported, placed
from mindcast.data.radar.attributes import is_code, plain
from mindcast.data.radar.hdf5 import HDF5_ERRORS
from mindcast.refusal import Refusal

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
TIME = re.compile(r"(\d\d)-([A-Z]{3})-(\d{4});(\d\d):(\d\d):(\d\d)(?:\.\d+)?")
NUMBER = r"([-+]?[0-9.]+(?:[eE][-+]?\d+)?)"
FORMULA = re.compile(rf"GEO\s*=\s*{NUMBER}\s*\*\s*PV\s*\+?\s*{NUMBER}")
# what pysteps makes of a code: value = slope x code + offset
ASSUMED = {"ACRR": (0.01, 0.0), "DBZH": (0.5, -32.0)}


def places(files: Sequence[Path], settings: InputSettings, interval_minutes: int) -> list[Place]:
    """A frame each, of the end of its accumulation."""
    return [Place(path, _times(path)[1]) for path in files]


def read(place: Place, settings: InputSettings) -> Frame:
    """Rain rate in mm/h of an accumulation, or dBZ of reflectivity."""
    path = place.path
    quantity = _quantity(path)
    values, metadata = imported("knmi_hdf5", path, qty=quantity)
    slope, offset, missing = _calibration(path)
    assumed_slope, assumed_offset = ASSUMED[quantity]
    codes = np.rint((values - assumed_offset) / assumed_slope)
    values = codes * slope + offset
    for code in missing:
        values[is_code(codes, code)] = np.nan
    values, grid = placed(path, values, metadata)
    start, end = _times(path)
    minutes = float((end - start) / np.timedelta64(60, "s")) or None
    unit = "dBZ" if quantity == "DBZH" else "mm"
    return Frame(*as_rate(values, unit, path, minutes, settings), grid)


def _quantity(path: Path) -> str:
    """As pysteps calls it, by the parameter that the image states; Refusal for another."""
    stated = str(_attribute(path, "image1", "image_geo_parameter")).upper()
    if "PRECIP" in stated or "RAIN" in stated:
        return "ACRR"
    if "REFLECTIVITY" in stated or "DBZ" in stated:
        return "DBZH"
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
