"""Times of the frames of a CF file, and over which time an amount was gathered."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import xarray as xr

from mindcast.data.temperature import units
from mindcast.data.temperature.roles import has_date_unit
from mindcast.data.temperature.units import text
from mindcast.refusal import Refusal

END_NAMES = ("valid_time", "time", "end_time", "time_end")
START_NAMES = ("start_time", "time_start")
METHOD = re.compile(r"time\s*:\s*sum\s*\(\s*interval\s*:\s*([^)]+?)\s*\)")
INTERVAL = re.compile(r"([0-9.]+)\s*([A-Za-z]+)")
DECODER = xr.coders.CFDatetimeCoder(time_unit="s")
MINUTE = np.timedelta64(60, "s")


def frame_times(path: Path, data: xr.Dataset, array: xr.DataArray) -> np.ndarray:
    """(frames,) datetime64[s], UTC; Refusal where the file does not say them."""
    axis = time_axis(path, data, array)
    name = axis if axis and axis in data.variables else _clock(path, data, array, axis)
    times = np.ravel(decoded(path, data[name]))
    if np.isnat(times).any():
        raise Refusal(f"{path}: {name} holds times that are missing; fix the file")
    return times


def time_axis(path: Path, data: xr.Dataset, array: xr.DataArray) -> str:
    """The axis of `array` along which times differ; "" for a single frame."""
    for dim in map(str, array.dims[:-2]):
        along = data[dim] if dim in data.variables else None
        if along is not None and has_date_unit(along.attrs.get("units")):
            return dim
        if _clocks(data, (dim,)) or dim.lower() in END_NAMES:
            return dim
    return ""


def accumulation_minutes(
    path: Path, data: xr.Dataset, array: xr.DataArray, number: int
) -> float | None:
    """Of frame `number`: by the bounds of its time, a start beside it, or its cell method."""
    axis = time_axis(path, data, array)
    name = axis if axis and axis in data.variables else _clock(path, data, array, axis)
    bounds = text(data[name].attrs.get("bounds", ""))
    if bounds in data.variables:
        # bounds may leave unit and calendar to their coordinate (CF 7.1)
        both = data[bounds].assign_attrs({**data[name].attrs, **data[bounds].attrs})
        pair = decoded(path, both).reshape(-1, 2)[number]
        return float((pair[1] - pair[0]) / MINUTE)
    for start in START_NAMES:
        if start in data.variables and has_date_unit(data[start].attrs.get("units")):
            begin = np.ravel(decoded(path, data[start]))
            end = np.ravel(decoded(path, data[name]))
            if len(begin) == len(end):
                return float((end[number] - begin[number]) / MINUTE)
    return _by_method(text(array.attrs.get("cell_methods", "")))


def decoded(path: Path, array: xr.DataArray) -> np.ndarray:
    """Dates as datetime64[s]; Refusal for those that cannot be had."""
    attributes = {
        key: text(array.attrs[key]) for key in ("units", "calendar") if key in array.attrs
    }
    try:
        plain = xr.Variable(array.dims, array.values, attributes)
        found = np.asarray(DECODER.decode(plain, str(array.name)).values)
        return found.astype("datetime64[s]")
    except (ValueError, OverflowError, TypeError, ArithmeticError):
        raise Refusal(
            f"{path}: {array.name} is in {attributes.get('units', 'no unit')!r}, calendar "
            f"{attributes.get('calendar', 'standard')!r}, which cannot be decoded; rewrite it"
        ) from None


def _by_method(text_of_methods: str) -> float | None:
    method = METHOD.search(text_of_methods)
    found = INTERVAL.fullmatch(method[1]) if method else None
    if found is None:
        return None
    try:
        seconds = units.conversion(found[2], "s")
    except ValueError:
        return None
    return float(found[1]) * seconds[0] / 60 if seconds else None


def _clocks(data: xr.Dataset, dims: tuple[str, ...]) -> list[str]:
    """Variables of dates with these axes, that of the end of a measurement first."""
    found = [
        str(name)
        for name, array in data.variables.items()
        if array.dims == dims and has_date_unit(array.attrs.get("units"))
    ]
    known = [name for name in END_NAMES if name in found]
    others = [
        name
        for name in found
        if name not in START_NAMES and text(data[name].attrs.get("standard_name", "")) == "time"
    ]
    return list(dict.fromkeys(known + others))


def _clock(path: Path, data: xr.Dataset, array: xr.DataArray, axis: str) -> str:
    found = _clocks(data, (axis,) if axis else ())
    if not found and not axis:
        ones = [dim for dim in map(str, data.sizes) if data.sizes[dim] == 1]
        found = [name for dim in ones for name in _clocks(data, (dim,))]
    if not found:
        raise Refusal(
            f"{path}: does not say of when {array.name} is, expected a variable of time such as "
            "'minutes since 2020-01-01'; add one"
        )
    return found[0]
