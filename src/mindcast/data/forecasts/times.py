"""When a forecast began, and for when it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from mindcast.data.forecasts.axes import Axes
from mindcast.data.incoming.cf_times import decoded
from mindcast.data.temperature import units
from mindcast.data.temperature.roles import find_roles
from mindcast.data.temperature.units import text
from mindcast.refusal import Refusal


@dataclass(frozen=True, eq=False)
class Times:
    """references: (R,), datetime64[s], UTC, of the last frames that were observed. leads: (L,),
    timedelta64[s], of the frames of each forecast.
    """

    references: np.ndarray
    leads: np.ndarray

    @property
    def step_minutes(self) -> float:
        """Between the frames, usually; of a single one, its lead time."""
        steps = np.diff(self.leads) if len(self.leads) > 1 else self.leads
        return float(np.median(steps) / np.timedelta64(60, "s"))


def times_of(
    path: Path, data: xr.Dataset, array: xr.DataArray, axes: Axes, given: np.datetime64 | None
) -> Times:
    """From the file's times or lead times and the time that the forecast began.

    given: that time, where the file does not state it. Refusal where it is not known, where the
    file states another, and for a file without any time after it.
    """
    references = _references(path, data, axes, given)
    if axes.is_lead:
        leads = _lead_times(path, data, axes.time)
    else:
        valid = _valid_times(path, data, array, axes)
        if len(references) > 1:
            raise Refusal(
                f"{path}: has valid times and several times of beginning ({axes.reference}); "
                "write lead times instead"
            )
        leads = valid - references[0]
    if np.isnat(references).any() or np.isnat(leads).any():
        raise Refusal(f"{path}: holds times that are missing; fix the file")
    if not (leads > np.timedelta64(0, "s")).any() or (np.diff(leads) <= np.timedelta64(0)).any():
        minutes = ", ".join(f"{lead / np.timedelta64(1, 'm'):g}" for lead in leads[:4])
        raise Refusal(
            f"{path}: is no forecast, its lead times are {minutes} ... minutes; expected times "
            "after the last observation, rising"
        )
    return Times(references, leads)


def _references(
    path: Path, data: xr.Dataset, axes: Axes, given: np.datetime64 | None
) -> np.ndarray:
    names = _stated(data, axes)
    stated = np.ravel(decoded(path, data[names[0]])) if names else _of_pysteps(path, data, axes)
    if stated is None and given is None:
        raise Refusal(
            f"{path}: does not state when the forecast began (forecast_reference_time), or is no "
            "forecast; if it is one, set forecast.reference=TIME of the last observed frame"
        )
    if stated is None:
        return np.array([given], "datetime64[s]")
    if given is not None and (stated != given).any():
        raise Refusal(
            f"{path}: began at {stated[0]} by what it states, not at forecast.reference = "
            f"{given}; leave that setting out"
        )
    return stated


def _of_pysteps(path: Path, data: xr.Dataset, axes: Axes) -> np.ndarray | None:
    """pysteps counts "time" from the beginning of the forecast, and states that in its unit."""
    is_one = text(data.attrs.get("source", "")).startswith("pysteps")
    if not is_one or axes.is_lead or axes.time not in data.variables:
        return None
    attributes = data[axes.time].attrs
    return np.ravel(decoded(path, xr.DataArray(np.zeros(1), name=axes.time, attrs=attributes)))


def _stated(data: xr.Dataset, axes: Axes) -> list[str]:
    """Variables that hold the time of beginning: the axis, or a single time."""
    if axes.reference:
        return [axes.reference]
    roles = find_roles(data.set_coords([n for n in data.variables if data[n].size == 1]))
    single = {role: name for name, role in roles.items() if data[name].size == 1}
    wanted = ("reference", "time") if axes.is_lead else ("reference",)
    return [single[role] for role in wanted if role in single]


def _lead_times(path: Path, data: xr.Dataset, name: str) -> np.ndarray:
    unit = text(data[name].attrs.get("units", "")) if name in data.variables else ""
    try:
        found = units.conversion(unit, "s") if unit else None
    except ValueError:
        found = None
    if found is None:
        raise Refusal(
            f"{path}: lead times {name} are in {unit or 'no unit'!r}, expected minutes, hours or "
            "the like; fix its attribute units"
        )
    seconds = np.ravel(np.asarray(data[name].values, np.float64)) * found[0]
    return np.rint(seconds).astype("timedelta64[s]")


def _valid_times(path: Path, data: xr.Dataset, array: xr.DataArray, axes: Axes) -> np.ndarray:
    """(L,): of the axis of times, or the single time of a file without one."""
    if axes.time and axes.time in data.variables:
        return decoded(path, data[axes.time])
    roles = find_roles(data)
    wanted = {axes.time, *axes.single} - {""}
    found = [
        name
        for name, role in roles.items()
        if role == "time"
        and name in data.variables
        and (set(map(str, data[name].dims)) <= wanted or data[name].size == 1)
    ]
    if not found:
        raise Refusal(
            f"{path}: does not state the times of {array.name}, or is no forecast; expected a "
            "variable of time such as 'minutes since 2020-01-01'"
        )
    return np.ravel(decoded(path, data[found[0]]))
