"""What each axis of a file stands for: by what cf_xarray finds in its coordinate, else by its name.

Roles: "level", pressures; "vertical", another vertical axis; "y", "x"; "time"; "reference", when a
forecast began; "step", its lead time; "member"; "version", ERA5 and its preliminary part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import cf_xarray  # noqa: F401 (gives datasets their attribute cf)
import xarray as xr
from cf_xarray.criteria import regex

from mindcast.data.temperature import units
from mindcast.data.temperature.units import has_date_unit, text

Roles = Mapping[str, str]
EXPECTED = ("level", "y", "x", "time", "step", "member")  # of fields, for a refusal

# what an axis stands for -> its names without digits, beside those that cf_xarray knows
AXES = {
    "level": (
        "level",
        "levels",
        "lev",
        "plev",
        "isobaricinhpa",
        "isobaricinpa",
        "isobaric",
        "pressure_level",
        "pressure",
        "air_pressure",
        "lv_isbl",
        "p",
        "pres",
    ),
    "y": ("y", "ygrid_", "gridlat_", "south_north", "rlat", "j", "yc", "projection_y_coordinate"),
    "x": ("x", "xgrid_", "gridlon_", "west_east", "rlon", "i", "xc", "projection_x_coordinate"),
    "time": ("time", "valid_time", "validtime", "initial_time_hours", "date"),
    "reference": (
        "forecast_reference_time",
        "reference_time",
        "reftime",
        "initial_time",
        "initialization_time",
        "init_time",
        "init",
        "base_time",
        "analysis_time",
        "run",
    ),
    "step": (
        "step",
        "lead",
        "lead_time",
        "leadtime",
        "prediction_timedelta",
        "forecast_period",
        "forecast_time",
        "forecast_hour",
        "fhr",
        "fhour",
        "fxx",
    ),
    "member": (
        "number",
        "member",
        "members",
        "member_id",
        "ensemble_member",
        "ensemble",
        "realization",
        "realisation",
        "ens",
        "perturbation",
        "variant_label",
    ),
    "version": ("expver",),
    "vertical": (
        "z",
        "height",
        "altitude",
        "alt",
        "depth",
        "heightaboveground",
        "sigma",
        "hybrid",
        "model_level",
        "model_level_number",
        "theta",
        "isentropic",
        "bottom_top",
    ),
}
STANDARD = {
    "air_pressure": "level",
    "latitude": "y",
    "longitude": "x",
    "grid_latitude": "y",
    "grid_longitude": "x",
    "forecast_reference_time": "reference",
    "forecast_period": "step",
    "realization": "member",
}
CF_KEYS = {"latitude": "y", "Y": "y", "longitude": "x", "X": "x", "time": "time", "T": "time"}
VERTICAL_KEYS = ("vertical", "Z")


def find_roles(data: xr.Dataset) -> dict[str, str]:
    """Axes and coordinates of a file to their roles; those that stand for nothing are left out."""
    named = {**data.cf.axes, **data.cf.coordinates}
    by_cf = {str(name): role for key, role in CF_KEYS.items() for name in named.get(key, ())}
    upright = {str(name) for key in VERTICAL_KEYS for name in named.get(key, ())}
    found = {}
    for name in map(str, {*data.dims, *data.coords}):
        attributes = data[name].attrs if name in data.variables else {}
        cf = by_cf.get(name, "vertical" if name in upright else None)
        role = _role(name, attributes, cf, axis=name in data.sizes)
        if role is not None:
            found[name] = role
    return found


def with_coordinates(data: xr.Dataset) -> xr.Dataset:
    """The file where an axis without values takes those of the one variable that lies along it.

    As lat(nlat), which lacks the name of its axis.
    """
    for dim in sorted(map(str, data.sizes.keys() - data.variables.keys())):
        along = [name for name in data.variables if data[name].dims == (dim,)]
        known = [name for name in along if _role(str(name), data[name].attrs, None)]
        if len(known) == 1:
            data = data.assign_coords({dim: data[known[0]].variable})
    return data


def _role(
    name: str, attributes: Mapping[Any, Any], by_cf: str | None, axis: bool = False
) -> str | None:
    standard, unit = text(attributes.get("standard_name", "")), attributes.get("units")
    own = name_role(name)
    if has_date_unit(unit):
        return "reference" if "reference" in (own, STANDARD.get(standard)) else "time"
    if own == "version":
        return own
    if standard in STANDARD:
        role = STANDARD[standard]
        return role if role != "level" or not _is_no_pressure(attributes) else "vertical"
    if by_cf in ("y", "x"):
        return by_cf
    if _measures(unit, "Pa") and standard in ("", "pressure") and "formula_terms" not in attributes:
        return "level"
    if own == "step" or (axis and _measures(unit, "s")):
        return "step"
    if by_cf == "vertical" or own in ("level", "vertical"):
        return "vertical" if own != "level" or _is_no_pressure(attributes) else "level"
    return by_cf or own


def _is_no_pressure(attributes: Mapping[Any, Any]) -> bool:
    """Whether a vertical axis states that it is another than pressure."""
    standard = text(attributes.get("standard_name", ""))
    unit = text(attributes.get("units", ""))
    return (
        standard not in ("", "air_pressure", "pressure")
        or "formula_terms" in attributes
        or bool(unit and not _measures(unit, "Pa"))
        or (not unit and text(attributes.get("positive", "")).lower() == "up")
    )


def _measures(unit: Any, ours: str) -> bool:
    if unit is None or not text(unit):
        return False
    try:
        return units.conversion(text(unit), ours) is not None
    except ValueError:
        return False


@lru_cache(maxsize=1024)
def name_role(name: str) -> str | None:
    """What an axis of this name stands for, or None."""
    plain = re.sub(r"\d+", "", name.lower())
    spelt = {plain, plain.rstrip("_")}
    by_name = next((role for role, names in AXES.items() if spelt & {*names}), None)
    if by_name is not None:
        return by_name
    return next(
        (
            role
            for key, role in (("latitude", "y"), ("longitude", "x"), ("Y", "y"), ("X", "x"))
            if regex[key].fullmatch(name.lower())
        ),
        None,
    )
