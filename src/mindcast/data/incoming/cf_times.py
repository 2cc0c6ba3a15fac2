"""Times of the frames of a CF file, and over which time an amount was gathered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.data.temperature import units
from mindcast.data.temperature.units import has_date_unit, text
from mindcast.data.variables import Dataset, Field
from mindcast.refusal import Refusal

END_NAMES = ("valid_time", "time", "end_time", "time_end")
START_NAMES = ("start_time", "time_start")
METHOD = re.compile(r"time\s*:\s*sum\s*\(\s*interval\s*:\s*([^)]+?)\s*\)")
INTERVAL = re.compile(r"([0-9.]+)\s*([A-Za-z]+)")
MINUTE = np.timedelta64(60, "s")


def frame_times(path: Path, data: Dataset, array: Field) -> np.ndarray:
    """(frames,) datetime64[s], UTC; Refusal where the file does not say them."""
    axis = time_axis(path, data, array)
    name = axis if axis and axis in data.variables else _clock(path, data, array, axis)
    times = np.ravel(decoded(path, data[name]))
    if np.isnat(times).any():
        raise Refusal(f"{path}: {name} holds times that are missing; fix the file")
    return times


def time_axis(path: Path, data: Dataset, array: Field) -> str:
    """The axis of `array` along which times differ; "" for a single frame."""
    for dim in map(str, array.dims[:-2]):
        along = data[dim] if dim in data.variables else None
        if along is not None and has_date_unit(along.attrs.get("units")):
            return dim
        if _clocks(data, (dim,)) or dim.lower() in END_NAMES:
            return dim
    return ""


def accumulation_minutes(path: Path, data: Dataset, array: Field, number: int) -> float | None:
    """Of frame `number`: by the bounds of its time, a start beside it, or its cell method."""
    axis = time_axis(path, data, array)
    name = axis if axis and axis in data.variables else _clock(path, data, array, axis)
    bounds = text(data[name].attrs.get("bounds", ""))
    if bounds in data.variables:
        # bounds may leave unit and calendar to their coordinate (CF 7.1)
        both = {**data[name].attrs, **data[bounds].attrs}
        pair = decoded(path, data[bounds], both).reshape(-1, 2)[number]
        return float((pair[1] - pair[0]) / MINUTE)
    for start in START_NAMES:
        if start in data.variables and has_date_unit(data[start].attrs.get("units")):
            begin = np.ravel(decoded(path, data[start]))
            end = np.ravel(decoded(path, data[name]))
            if len(begin) == len(end):
                return float((end[number] - begin[number]) / MINUTE)
    return _by_method(text(array.attrs.get("cell_methods", "")))


def decoded(path: Path, array: Field, about: Mapping[Any, Any] | None = None) -> np.ndarray:
    """Dates as datetime64[s]; Refusal for those that cannot be had.

    about: the attributes that say how; None: the array's own.
    """
    about = array.attrs if about is None else about
    attributes = {key: text(about[key]) for key in ("units", "calendar") if key in about}
    import cftime  # late, as all that few need

    try:
        offsets = np.asarray(array.values, np.float64)
        known = np.isfinite(offsets)
        found = np.full(offsets.shape, "NaT", "datetime64[s]")
        unit, calendar = attributes.get("units", ""), attributes.get("calendar") or "standard"
        dates = cftime.num2date(offsets[known], unit, calendar, only_use_python_datetimes=True)
        found[known] = np.asarray(dates, "datetime64[s]")
        return found
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


def _clocks(data: Dataset, dims: tuple[str, ...]) -> list[str]:
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


def _clock(path: Path, data: Dataset, array: Field, axis: str) -> str:
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
