"""The fields of a file along its axes of time, step and member, each with its valid time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from mindcast.data.temperature.axes import Layout
from mindcast.data.temperature.roles import AXES, Roles, name_role
from mindcast.data.temperature.times import dates, holds_dates, lead_times
from mindcast.data.temperature.units import text
from mindcast.refusal import Refusal

VALID = ("valid_time", "validtime", "verification_time", "forecast_valid_time")


@dataclass(frozen=True)
class State:
    """One field of a file: where it lies along the axes other than the grid's, and when it is.

    time: valid time, datetime64[m], UTC. member: number of the ensemble member, or None.
    run: when its forecast began, or None. name: of the member, where it is no number.
    """

    place: tuple[tuple[str, int], ...]
    time: np.datetime64
    member: int | None = None
    run: np.datetime64 | None = None
    name: str = ""


def find_states(
    path: Path, data: xr.Dataset, array: xr.DataArray, layout: Layout, roles: Roles
) -> tuple[State, ...]:
    """Every field of a variable, in the order in which its axes run."""
    valid, runs = _times(path, data, array, layout, roles)
    axis = layout.others.get("member", "")
    members = _members(data, axis, array.sizes[axis]) if axis else []
    states = []
    for index in np.ndindex(*valid.shape):
        place = dict(zip(layout.states, index, strict=True))
        number, name = members[place[axis]] if axis else (None, "")
        run = None if runs is None else runs[index]
        states.append(State(tuple(place.items()), valid[index], number, run, name))
    return tuple(states)


def _members(data: xr.Dataset, axis: str, size: int) -> list[tuple[int, str]]:
    """Number and name of every member: whole numbers as they are, others in their order."""
    values = data[axis].values if axis in data.variables else np.arange(size)
    if values.dtype.kind in "iuf" and (np.isfinite(values) & (np.rint(values) == values)).all():
        return [(int(value), "") for value in values]
    return [(number, text(value)) for number, value in enumerate(values)]


def _times(
    path: Path, data: xr.Dataset, array: xr.DataArray, layout: Layout, roles: Roles
) -> tuple[np.ndarray, np.ndarray | None]:
    """Valid times, and when the forecasts began where that is known, by `layout.states`."""
    found = _time_variables(data, layout, roles)
    valid, began, steps = found["valid"], found["reference"], found["step"]
    if not valid and not began:
        raise _no_time(path, data, roles)
    times = dates(path, data[(valid or began)[0]])
    if valid and valid[0] in VALID:
        return _spread(times, array, layout), _begins(path, data, began or valid[1:], array, layout)
    step = data[steps[0]] if steps else None
    if step is not None and _is_begin(times, step, bool(valid and began), array):
        began, times = began or valid, times + lead_times(path, step)
    spread = _spread(times, array, layout)
    if began or step is None:
        return spread, _begins(path, data, began, array, layout)
    try:
        return spread, spread - _spread(lead_times(path, step), array, layout)
    except Refusal:  # nothing but a label depends on it
        return spread, None


def _begins(
    path: Path, data: xr.Dataset, names: list[str], array: xr.DataArray, layout: Layout
) -> np.ndarray | None:
    """When forecasts began, by the first of the variables, if there is one."""
    return _spread(dates(path, data[names[0]]), array, layout) if names else None


def _no_time(path: Path, data: xr.Dataset, roles: Roles) -> Refusal:
    bare = [name for name, role in roles.items() if role == "time" and name in data.variables]
    if bare:
        unit = text(data[bare[0]].attrs.get("units", ""))
        found = f"is in {unit!r}" if unit else "has no units"
        return Refusal(
            f"{path}: {bare[0]} {found}, no time that can be decoded; give it the attribute "
            "units, such as 'hours since 1900-01-01'"
        )
    return Refusal(f"{path}: no time that can be decoded, looked for {', '.join(AXES['time'])}")


def _time_variables(data: xr.Dataset, layout: Layout, roles: Roles) -> dict[str, list[str]]:
    """Variables with valid times, begins of forecasts and lead times, the likeliest first."""
    found: dict[str, list[tuple[int, str]]] = {"valid": [], "reference": [], "step": []}
    bounds = {text(data[n].attrs["bounds"]) for n in data.variables if "bounds" in data[n].attrs}
    for name in map(str, data.variables):
        role = roles.get(name) or name_role(name)
        role = "valid" if role == "time" or name in VALID else role
        if role not in found or name in bounds or not _fits(data[name], layout):
            continue
        if (role != "step") == holds_dates(data[name]):
            found[role].append((_rank(name, role, data[name], layout), name))
    return {role: [name for _, name in sorted(names)] for role, names in found.items()}


def _fits(array: xr.DataArray, layout: Layout) -> bool:
    return all(d in layout.states or array.sizes[d] == 1 for d in map(str, array.dims))


def _rank(name: str, role: str, array: xr.DataArray, layout: Layout) -> int:
    """Valid times by name come first, then those of several axes, the axis itself, and others."""
    order = (
        name in VALID,
        array.ndim > 1,
        name in (layout.others.get("time"), layout.others.get(role)),
        name == "time",
    )
    return order.index(True) if True in order else len(order)


def _is_begin(times: xr.DataArray, lead: xr.DataArray, both: bool, array: xr.DataArray) -> bool:
    """Whether times are those when forecasts began, so that lead times are to be added.

    They are where lead times have an axis of their own. On a common axis, or beside the begins,
    times are valid. A single lead time belongs to a begin, but for CF's forecast_period, which
    stands beside valid times.
    """
    own = {d for d in lead.dims if array.sizes.get(d, 1) > 1 or d in array.dims}
    if own:
        return not own & {*times.dims}
    return not both and lead.name != "forecast_period"


def _spread(times: xr.DataArray, array: xr.DataArray, layout: Layout) -> np.ndarray:
    """Values by the axes of states, in minutes."""
    shape = [array.sizes[d] for d in layout.states]
    extra = [d for d in times.dims if d not in layout.states]
    axes = xr.DataArray(np.zeros(shape, bool), dims=layout.states)
    spread = times.isel(dict.fromkeys(extra, 0)).broadcast_like(axes).transpose(*layout.states)
    unit = re.sub(r"\[.*", "[m]", str(times.dtype))
    return np.asarray(spread.values).astype(unit)
