"""Which axes of a forecast are its members, its times, its rows and its columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from mindcast.data.temperature.roles import find_roles
from mindcast.refusal import Refusal

# what programs call members that have no coordinate, such as "ens_number" of pysteps
MEMBER = re.compile(r"(^|_)(ens|ensemble|member|realization|number)(_|s?$)", re.IGNORECASE)
SHOWN = "a time or a lead time, members, rows and columns"


@dataclass(frozen=True)
class Axes:
    """Names of the axes of a variable; "" for those that it lacks.

    time: of valid times, or of lead times where `reference` or a single time gives the beginning.
    single: further axes of length 1.
    """

    member: str
    reference: str
    time: str
    is_lead: bool
    y: str
    x: str
    single: tuple[str, ...] = ()


def axes_of(path: Path, data: xr.Dataset, array: xr.DataArray) -> Axes:
    """By names, standard names and units; Refusal for an axis that is none of these."""
    roles, dims = find_roles(data), list(map(str, array.dims))
    y, x = (_pick(roles, dims, role) for role in ("y", "x"))
    if not y or not x:
        y, x = dims[-2:]  # rows and columns without coordinates come last
    rest = [dim for dim in dims if dim not in (y, x)]
    lead, time, reference = (_pick(roles, rest, role) for role in ("step", "time", "reference"))
    if lead and not reference:
        reference, time = time, ""  # as GRIB has it: "time" is when the forecast began
    named = [d for d in rest if d not in (lead, time, reference)]
    member = _pick(roles, named, "member") or next((d for d in named if MEMBER.search(d)), "")
    others = [dim for dim in named if dim != member]
    if (lead and time) or any(array.sizes[dim] > 1 for dim in others):
        found = ", ".join(f"{dim} ({array.sizes[dim]})" for dim in dims)
        raise Refusal(
            f"{path}: {array.name} has the axes {found}, expected {SHOWN}; take one index of the "
            "others"
        )
    return Axes(member, reference, lead or time, bool(lead), y, x, tuple(others))


def _pick(roles: Mapping[str, str], dims: list[str], role: str) -> str:
    return next((dim for dim in dims if roles.get(dim) == role), "")
