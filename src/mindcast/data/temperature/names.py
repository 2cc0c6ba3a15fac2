"""Under which names and units files keep what this data set needs.

A variable is known by its CF standard name, else by a short name of common archives (ERA5, CMIP,
and the GRIB tables of GFS, NAM and RUC as cfgrib, wgrib2, NCL and netCDF-Java write them).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mindcast.physics.constants import GRAVITY

PRESSURE_UNITS = {
    **dict.fromkeys(("pa", "pascal", "pascals"), 1.0),
    **dict.fromkeys(("hpa", "mb", "mbar", "millibar", "millibars", "hectopascal"), 100.0),
    "kpa": 1000.0,
}
SPEED = dict.fromkeys(("ms-1", "m/s", "msec-1", "meter/second", "meters/second"), 1.0)
LENGTH = dict.fromkeys(("m", "gpm", "meter", "meters", "metre", "metres"), 1.0)
GEOPOTENTIAL = dict.fromkeys(("m2s-2", "m2/s2", "j/kg", "jkg-1"), 1 / GRAVITY)
CELSIUS = ("c", "degc", "°c", "celsius", "degreescelsius", "degreec", "degreesc", "degcelsius")


@dataclass(frozen=True)
class Quantity:
    """A physical quantity: what files call it and what takes their numbers to ours.

    aliases: names in lower case, each with the unit that is meant where the file states none.
    units: spelling (see `spelling`) to factor; None marks another quantity under the same name.
    on_levels: whether it has a pressure axis.
    """

    standard_names: tuple[str, ...]
    aliases: dict[str, str]
    units: dict[str, float | None]
    on_levels: bool = True


def _named(names: str, unit: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), unit)


QUANTITIES = {
    "temperature": Quantity(
        ("air_temperature",),
        _named("t temperature air_temperature tmp temp ta", "k"),
        dict.fromkeys(("k", "kelvin", "degk", "degkelvin", *CELSIUS), 1.0),
    ),
    "u": Quantity(
        ("x_wind", "eastward_wind"),
        _named("u u_component_of_wind ugrd ua uwnd u_wind x_wind eastward_wind", "m/s"),
        dict(SPEED),
    ),
    "v": Quantity(
        ("y_wind", "northward_wind"),
        _named("v v_component_of_wind vgrd va vwnd v_wind y_wind northward_wind", "m/s"),
        dict(SPEED),
    ),
    "omega": Quantity(
        (
            "lagrangian_tendency_of_air_pressure",
            "vertical_air_velocity_expressed_as_tendency_of_pressure",
        ),
        _named("w omega vvel wap vertical_velocity vertical_velocity_pressure", "pa/s"),
        {
            **dict.fromkeys(("pas-1", "pa/s"), 1.0),
            **dict.fromkeys(("hpas-1", "hpa/s", "mb/s"), 100.0),
            **dict.fromkeys(SPEED, None),
        },
    ),
    "height": Quantity(
        ("geopotential_height", "geopotential"),
        {
            **_named("gh hgt geopotential_height zg height", "m"),
            **_named("z geopotential phi", "m2s-2"),
        },
        {**LENGTH, **GEOPOTENTIAL},
    ),
    "surface_pressure": Quantity(
        ("surface_air_pressure",),
        _named("sp surface_pressure ps psfc pressfc pres_surface pressure_surface pres", "pa"),
        dict(PRESSURE_UNITS),
        on_levels=False,
    ),
    "orography": Quantity(
        ("surface_altitude",),
        {
            **_named("orog orography hgt_surface hgtsfc geopotential_height_surface", "m"),
            **_named("topography elevation terrain topo zs gh hgt", "m"),
            **_named("z geopotential_at_surface surface_geopotential", "m2s-2"),
        },
        {**LENGTH, **GEOPOTENTIAL},
        on_levels=False,
    ),
    "land_sea_mask": Quantity(
        ("land_binary_mask", "land_area_fraction"),
        _named("lsm land_sea_mask land landmask land_mask land_surface landfrac sftlf", "1"),
        {**dict.fromkeys(("1", "", "0-1", "(0-1)", "proportion", "fraction"), 1.0), "%": 0.01},
        on_levels=False,
    ),
}

AT_GROUND = tuple(name for name, quantity in QUANTITIES.items() if not quantity.on_levels)

# what an axis stands for -> its names
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
        "z",
    ),
    "y": (
        "y",
        "latitude",
        "lat",
        "lat_",
        "ygrid_",
        "gridlat_",
        "south_north",
        "rlat",
        "j",
        "yc",
        "projection_y_coordinate",
        "nj",
    ),
    "x": (
        "x",
        "longitude",
        "lon",
        "lon_",
        "xgrid_",
        "gridlon_",
        "west_east",
        "rlon",
        "i",
        "xc",
        "projection_x_coordinate",
        "ni",
    ),
    "time": ("time", "valid_time", "initial_time_hours", "date", "reftime", "forecast_time"),
    "step": ("step", "lead", "lead_time", "forecast_period", "prediction_timedelta"),
    "member": ("number", "member", "ensemble_member", "ensemble", "realization", "ens"),
}


def axis_role(name: str) -> str | None:
    """What an axis of this name stands for: a key of `AXES`, or None."""
    plain = re.sub(r"\d+", "", name.lower())
    return next((role for role, names in AXES.items() if plain in names), None)


def short_name(name: str) -> str:
    """A variable's name in lower case without what GRIB converters add to it."""
    plain = re.sub(r"[-\s]", "_", name.lower())
    plain = re.sub(r"_isobaric\d*$", "", plain)
    return re.sub(r"_p\d+_l\d+_\w+$", "", plain)


def spelling(unit: str) -> str:
    """A unit without the differences between one way of writing it and another."""
    return re.sub(r"\*\*|\^|[\s_.]", "", unit.lower())


def candidates(quantity: str, names: Iterable[tuple[str, dict[str, Any]]]) -> list[str]:
    """Variables (name, attributes) that may be the quantity, the likeliest first."""
    wanted, ranked = QUANTITIES[quantity], []
    order = [*wanted.standard_names, *wanted.aliases]
    for name, attributes in names:
        standard = str(attributes.get("standard_name", ""))
        if standard in wanted.standard_names:
            ranked.append((order.index(standard), name))
        elif short_name(name) in wanted.aliases:
            ranked.append((order.index(short_name(name)), name))
    return [name for _, name in sorted(ranked)]


def conversion(quantity: str, name: str, unit: str | None) -> tuple[float, float] | None:
    """(factor, offset) to our unit, or None for another quantity; KeyError for unknown units."""
    wanted = QUANTITIES[quantity]
    meant = wanted.aliases.get(short_name(name), next(iter(wanted.units)))
    spelt = spelling(unit) if unit is not None else spelling(meant)
    factor = wanted.units[spelt]
    if factor is None:
        return None
    return factor, 273.15 if quantity == "temperature" and spelt in CELSIUS else 0.0


def looked_for(quantity: str) -> str:
    """The names under which a quantity is sought, for a refusal."""
    wanted = QUANTITIES[quantity]
    return f"standard_name {wanted.standard_names[0]} or {', '.join(wanted.aliases)}"
