"""Times and lead times of a file, in any unit and calendar, to the minute.

A date of another calendar becomes the date of the same name; what has none is refused. What is no
whole minute, to a second or so, is refused: it was rounded, or cannot be told from its neighbours.
"""

from __future__ import annotations

import re
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from mindcast.config.dates import to_utc
from mindcast.data.temperature import units
from mindcast.data.temperature.units import has_date_unit, text
from mindcast.refusal import Refusal

MINUTE_US, SLACK_US = 60_000_000, 2_000_000
ABSOLUTE = re.compile(r"day as %Y%m%d(\.%f)?")
VARYING = re.compile(r"\s*(common_)?(month|year|season)s?\b", re.IGNORECASE)
LONGEST_LEAD_S = 100 * 366 * 86400.0
DECODER = xr.coders.CFDatetimeCoder(time_unit="s")


def holds_dates(array: xr.DataArray) -> bool:
    """Whether an array is of dates: by its unit, its type or its text."""
    if has_date_unit(array.attrs.get("units")) or np.issubdtype(array.dtype, np.datetime64):
        return True
    return array.dtype.kind in "OSU" and array.size > 0 and _from_text(array) is not None


def dates(path: Path, array: xr.DataArray) -> xr.DataArray:
    """Dates of `array`, whole minutes, datetime64[s]; Refusal for those that cannot be had."""
    if array.dtype.kind in "OSU":
        found = _from_text(array)
    elif ABSOLUTE.fullmatch(text(array.attrs.get("units"))):
        found = _from_absolute(path, array)
    else:
        found = _from_offsets(path, array)
    if found is None or np.isnat(found).any():
        raise Refusal(f"{path}: {array.name} holds times that are missing; fix the file")
    return xr.DataArray(_whole_minutes(path, array, found), dims=array.dims, name=array.name)


def lead_times(path: Path, array: xr.DataArray) -> xr.DataArray:
    """Lead times of `array`, whole minutes, timedelta64[s]; Refusal without a known unit."""
    unit = text(array.attrs.get("units", ""))
    if not unit and re.search("hour|fhr|fxx", str(array.name).lower()):
        unit = "hours"  # its name is its unit
    try:
        found = units.conversion(unit, "s") if unit and not VARYING.match(unit) else None
    except ValueError:
        found = None
    if found is None:
        stated = f"in {unit!r}" if unit else "without a unit"
        raise Refusal(
            f"{path}: axis {array.name} holds lead times {stated}, expected a unit of time such "
            "as hours; fix its attribute units"
        )
    values = np.asarray(array.values)
    if values.dtype.kind not in "iuf":
        raise Refusal(f"{path}: axis {array.name} holds {values.dtype}, expected lead times")
    seconds = values.astype(np.float64) * found[0]
    if not (np.abs(seconds) <= LONGEST_LEAD_S).all():  # also NaN
        raise Refusal(
            f"{path}: {array.name} holds lead times that are missing or longer than a century; "
            "fix its values or its attribute units"
        )
    exact = np.rint(seconds * 1e6).astype("timedelta64[us]")
    return xr.DataArray(_whole_minutes(path, array, exact), dims=array.dims, name=array.name)


def _whole_minutes(path: Path, array: xr.DataArray, exact: np.ndarray) -> np.ndarray:
    """Times or durations [us] rounded to minutes, in [s]; Refusal for those that lie between."""
    minutes = (exact.astype(np.int64) + MINUTE_US // 2) // MINUTE_US
    off = np.abs(exact.astype(np.int64) - minutes * MINUTE_US)
    if off.size and off.max() > SLACK_US:
        worst = exact.ravel()[off.argmax()]
        raise Refusal(
            f"{path}: {array.name} holds {worst}, which is no whole minute (kept as "
            f"{array.dtype}); round it, or store it in integers or as float64"
        )
    # xarray knows no minutes
    return (60 * minutes).astype(f"{exact.dtype.name.partition('[')[0]}[s]")


def _from_offsets(path: Path, array: xr.DataArray) -> np.ndarray:
    """Dates [us] from "hours since ..."."""
    unit, calendar = text(array.attrs["units"]), text(array.attrs.get("calendar", "standard"))
    if array.dtype.kind == "f" and not np.isfinite(array.values).all():
        return np.full(array.shape, "NaT", "datetime64[us]")
    # a calendar that is empty or of another case is meant as the others write it
    attributes = {"units": unit, "calendar": calendar.lower() or "standard"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # years with few digits, dates beyond the clock
            plain = xr.Variable(array.dims, array.values, attributes)
            decoded = np.asarray(DECODER.decode(plain, str(array.name)).values)
    except (ValueError, OverflowError, TypeError, ArithmeticError):
        raise Refusal(
            f"{path}: {array.name} is in {unit!r}, calendar {calendar!r}, which cannot be decoded; "
            f"rewrite it, such as with cdo setreftime,1900-01-01,00:00:00,days IN OUT"
        ) from None
    if decoded.dtype.kind != "O":
        return decoded.astype("datetime64[us]")
    named = [_same_name(path, array, calendar, date) for date in decoded.ravel()]
    return np.array(named, "datetime64[us]").reshape(decoded.shape)


def _same_name(path: Path, array: xr.DataArray, calendar: str, date: Any) -> np.datetime64:
    """The date of the same name in the standard calendar."""
    try:
        day = np.datetime64(f"{date.year:04d}-{date.month:02d}-{date.day:02d}")
    except ValueError:
        raise Refusal(
            f"{path}: {array.name} holds {date.isoformat()[:10]} of the calendar {calendar}, which "
            "the standard calendar has not; leave such days out, or rewrite the file with "
            "xarray's convert_calendar('standard', align_on='year')"
        ) from None
    since = ((date.hour * 60 + date.minute) * 60 + date.second) * 10**6 + date.microsecond
    return day.astype("datetime64[us]") + np.timedelta64(since, "us")


def _from_absolute(path: Path, array: xr.DataArray) -> np.ndarray:
    """Dates [us] from 20190102.25, as cdo and GrADS write them."""
    values = np.asarray(array.values, np.float64)
    if array.dtype == np.float32:
        raise Refusal(f"{path}: {array.name} holds dates as float32, too coarse; use float64")
    if not (np.abs(values) < 1e8).all():  # also NaN
        return np.full(values.shape, "NaT", "datetime64[us]")
    found = []
    for value in values.ravel():
        day, share = divmod(value, 1)
        whole = _date(f"{int(day):08d}", "%Y%m%d")
        if whole is None:
            raise Refusal(f"{path}: {array.name} holds {value:g}, expected dates like 20190131.25")
        found.append(whole + np.timedelta64(round(share * 86400e6), "us"))
    return np.array(found, "datetime64[us]").reshape(values.shape)


def _from_text(array: xr.DataArray) -> np.ndarray | None:
    """Dates [us] from text such as "2019-01-02 06:00" or "2019-01-02_06:00:00"."""
    found = []
    for value in array.values.ravel():
        plain = text(value).replace("_", "T").replace(" ", "T").removesuffix("Z")
        try:
            found.append(np.datetime64(to_utc(datetime.fromisoformat(plain))))
        except ValueError:
            return None
    return np.array(found, "datetime64[us]").reshape(array.shape)


def _date(written: str, pattern: str) -> np.datetime64 | None:
    try:
        return np.datetime64(datetime.strptime(written, pattern), "us")
    except ValueError:
        return None
