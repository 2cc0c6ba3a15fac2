"""The pressures of a level axis; an axis that does not show to be one is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from mindcast.data.temperature import units
from mindcast.data.temperature.units import text
from mindcast.refusal import Refusal

HIGHEST_HPA = 1200.0
# largest value of an axis without a unit: what is between them, or below, may be a level's number,
# a height or a temperature
AS_HPA, AS_PA = (200.0, 1100.0), (5000.0, 110000.0)


def pressures(path: Path, data: xr.Dataset, axis: str) -> np.ndarray:
    """Pressures in hPa in the file's order; Refusal unless they rise or fall throughout."""
    if axis not in data.variables:
        raise Refusal(f"{path}: axis {axis} has no values; expected pressures")
    values = _numbers(path, axis, data[axis])
    pressure = values * _pascal(path, axis, data[axis], values) / 100
    shown = ", ".join(f"{p:g}" for p in pressure)
    if not (pressure.min() > 0 and pressure.max() <= HIGHEST_HPA):  # also NaN
        raise Refusal(
            f"{path}: axis {axis} holds {shown} hPa, expected pressures up to {HIGHEST_HPA:g} hPa; "
            "fix its values or its attribute units"
        )
    steps = np.diff(pressure)
    if not (steps > 0).all() and not (steps < 0).all():
        raise Refusal(f"{path}: levels {shown} hPa neither rise nor fall; sort them in the file")
    return pressure


def no_pressure(path: Path, axis: str, attributes: Mapping[Any, Any]) -> Refusal:
    """That an axis states to be another vertical axis than pressure."""
    given = {key: text(attributes[key]) for key in ("standard_name", "units") if key in attributes}
    stated = ", ".join(f"{key} {value!r}" for key, value in given.items()) or "no units"
    return Refusal(
        f"{path}: vertical axis {axis} ({stated}) is no pressure, expected levels in hPa or Pa; "
        "interpolate to pressure levels first (cdo ap2pl or ml2pl), or fix its attributes"
    )


def _numbers(path: Path, axis: str, coordinate: xr.DataArray) -> np.ndarray:
    try:
        return np.asarray([float(text(v)) for v in coordinate.values.ravel()], np.float64)
    except ValueError:
        shown = ", ".join(map(text, coordinate.values.ravel()[:3]))
        raise Refusal(
            f"{path}: axis {axis} holds {shown!r}, expected pressures as numbers; fix its values"
        ) from None


def _pascal(path: Path, axis: str, coordinate: xr.DataArray, values: np.ndarray) -> float:
    """What takes the values to Pa; Refusal where neither unit, name nor values show it."""
    unit = text(coordinate.attrs.get("units", ""))
    if not unit and axis.lower().startswith("isobaricin"):
        unit = axis[len("isobaricin") :]
    if unit:
        try:
            found = units.conversion(unit, "Pa")
        except ValueError:
            found = None
        if found is None:
            raise no_pressure(path, axis, coordinate.attrs)
        return found[0]
    largest = values.max()
    for factor, (lowest, highest) in ((100.0, AS_HPA), (1.0, AS_PA)):
        if values.min() > 0 and lowest <= largest <= highest:
            return factor
    raise Refusal(
        f"{path}: axis {axis} has no units and values from {values.min():g} to {largest:g}, which "
        "may be no pressures; give it the attribute units, "
        f"such as ncatted -a units,{axis},c,c,hPa FILE"
    )
