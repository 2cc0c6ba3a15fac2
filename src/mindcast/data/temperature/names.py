"""Under which names files keep what this data set needs, in which unit, and what values it has.

A variable is known by its CF standard name, else by a short name of common archives (ERA5, CMIP,
and the GRIB tables of GFS, NAM and RUC as cfgrib, wgrib2, NCL and netCDF-Java write them).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mindcast.data.temperature import units
from mindcast.data.temperature.units import text
from mindcast.physics.constants import GRAVITY


@dataclass(frozen=True)
class Quantity:
    """A physical quantity: what files call it, and what its numbers can be.

    unit: ours. aliases: names in lower case, each with the unit that is meant where the file states
    none; "" where such a file is refused, since the name stands for other units too.
    bounds: no value on earth lies outside them, in our unit. on_levels: whether it has a pressure
    axis. foreign: units that mark another quantity under the same name.
    """

    unit: str
    standard_names: tuple[str, ...]
    aliases: dict[str, str]
    bounds: tuple[float, float]
    on_levels: bool = True
    foreign: tuple[str, ...] = ()


def _named(names: str, unit: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), unit)


GEOPOTENTIAL = "m2/s2"  # read as height times gravity wherever a height is wanted

QUANTITIES = {
    "temperature": Quantity(
        "K",
        ("air_temperature",),
        _named("t temperature air_temperature tmp temp ta", "K"),
        (100.0, 400.0),
    ),
    "u": Quantity(
        "m/s",
        ("x_wind", "eastward_wind"),
        _named("u u_component_of_wind ugrd ua uwnd u_wind x_wind eastward_wind", "m/s"),
        (-300.0, 300.0),
    ),
    "v": Quantity(
        "m/s",
        ("y_wind", "northward_wind"),
        _named("v v_component_of_wind vgrd va vwnd v_wind y_wind northward_wind", "m/s"),
        (-300.0, 300.0),
    ),
    "omega": Quantity(
        "Pa/s",
        (
            "lagrangian_tendency_of_air_pressure",
            "vertical_air_velocity_expressed_as_tendency_of_pressure",
        ),
        {
            **_named("w vertical_velocity", ""),  # in metres per second as often
            **_named("omega vvel wap vertical_velocity_pressure", "Pa/s"),
        },
        (-1000.0, 1000.0),
        foreign=("m/s",),
    ),
    "height": Quantity(
        "m",
        ("geopotential_height", "geopotential"),
        {
            **_named("gh hgt geopotential_height zg height", "m"),
            **_named("z geopotential phi", GEOPOTENTIAL),
        },
        (-2000.0, 100000.0),
    ),
    "surface_pressure": Quantity(
        "Pa",
        ("surface_air_pressure",),
        _named("sp surface_pressure ps psfc pressfc pres_surface pressure_surface pres", "Pa"),
        (30000.0, 120000.0),
        on_levels=False,
    ),
    "orography": Quantity(
        "m",
        ("surface_altitude",),
        {
            **_named("orog orography hgt_surface hgtsfc geopotential_height_surface", "m"),
            **_named("topography elevation terrain topo zs gh hgt", "m"),
            **_named("geopotential_at_surface surface_geopotential", GEOPOTENTIAL),
            "z": "",  # metres in files of terrain
        },
        (-12000.0, 10000.0),
        on_levels=False,
    ),
    "land_sea_mask": Quantity(
        "1",
        ("land_binary_mask", "land_area_fraction"),
        _named("lsm land_sea_mask land landmask land_mask land_surface landfrac sftlf", "1"),
        (-0.01, 1.01),  # what packing leaves of 0 and 1
        on_levels=False,
    ),
}

AT_GROUND = tuple(name for name, quantity in QUANTITIES.items() if not quantity.on_levels)
STATIC = ("orography", "land_sea_mask")  # do not change with time
# names that stand for several quantities, or for the same elsewhere than at the ground
AMBIGUOUS = {"z", "gh", "hgt", "pres"}
# in a standard name: what is called t, u or z too, and has numbers of the same size
OTHER = re.compile(
    r"(?:^|_)(?:potential|virtual|equivalent|dew_point|wet_bulb|brightness|soil|sea|ocean|anomaly)"
    r"(?:_|$)"
)


def is_another(quantity: str, standard_name: str) -> bool:
    """Whether a standard name is of another quantity, though the variable is called like this."""
    wanted = QUANTITIES[quantity].standard_names
    return standard_name not in wanted and OTHER.search(standard_name) is not None


def short_name(name: str) -> str:
    """A variable's name in lower case without what GRIB converters add to it."""
    plain = re.sub(r"[-\s]", "_", name.lower())
    plain = re.sub(r"_isobaric\d*$", "", plain)
    return re.sub(r"_p\d+_l\d+_\w+$", "", plain)


def candidates(quantity: str, names: Iterable[tuple[str, dict[str, Any]]]) -> list[str]:
    """Variables (name, attributes) that may be the quantity, the likeliest first."""
    wanted, ranked = QUANTITIES[quantity], []
    order = [*wanted.standard_names, *wanted.aliases]
    for name, attributes in names:
        standard = text(attributes.get("standard_name", ""))
        if standard in wanted.standard_names:
            ranked.append((order.index(standard), name))
        elif short_name(name) in wanted.aliases:
            ranked.append((order.index(short_name(name)), name))
    return [name for _, name in sorted(ranked)]


def conversion(quantity: str, name: str, unit: str | None) -> tuple[float, float] | None:
    """(factor, offset) to our unit, or None for another quantity.

    unit: None where the file states none. ValueError for units that are unknown, of another
    quantity or needed.
    """
    wanted = QUANTITIES[quantity]
    if unit is None:
        unit = wanted.aliases.get(short_name(name), wanted.unit)
        if not unit:
            raise ValueError(name)
    if any(units.conversion(unit, other) for other in wanted.foreign):
        return None
    found = units.conversion(unit, wanted.unit)
    if found is None and wanted.unit == "m":
        geopotential = units.conversion(unit, GEOPOTENTIAL)
        found = geopotential and (geopotential[0] / GRAVITY, 0.0)
    if found is None:
        raise ValueError(unit)
    return found


def looked_for(quantity: str) -> str:
    """The names under which a quantity is sought, for a refusal."""
    wanted = QUANTITIES[quantity]
    return f"standard_name {wanted.standard_names[0]} or {', '.join(wanted.aliases)}"
