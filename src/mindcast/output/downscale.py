"""The forecasts of a case of the task "downscale" as a CF-NetCDF file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mindcast.cases import DownscaleCase
from mindcast.output.netcdf import Attributes, Variable, attributes, realization, write_netcdf
from mindcast.samples import Coordinates

if TYPE_CHECKING:
    import xarray  # late at run time: it loads pandas

TITLE = "Downscaled air temperature on pressure levels"

ABOVE_GROUND = "above_ground"
FLAG: Attributes = {
    "standard_name": "status_flag",
    "long_name": "whether the point lies above the ground",
    "flag_values": np.array([0, 1], np.int8),
    "flag_meanings": "below_ground above_ground",
    "comment": "below the ground pressure exceeds the surface pressure of the data, or these have "
    "no temperature; such points count in no score but the spectra. Data without surface pressure "
    "and gaps show no ground",
}


def write_temperature(
    path: Path, case: DownscaleCase, methods: Sequence[str], provenance: Mapping[str, Any]
) -> None:
    """Write forecasts of a case to `path`, complete or not at all, see `temperature_dataset`.

    Refusal if the file exists or cannot be written.
    """
    write_netcdf(path, temperature_dataset(case, methods, provenance))


def temperature_dataset(
    case: DownscaleCase, methods: Sequence[str], provenance: Mapping[str, Any]
) -> xarray.Dataset:
    """Forecasts of a case as a CF data set; its truth is not looked at.

    Of the methods the first ensemble and the first without members. Variables, float32:
    "air_temperature" (time, realization, level, rows, columns) of the members, be it only one, with
    "air_temperature_mean" and, of several, "_spread" over them, and
    "air_temperature_deterministic"; without an ensemble "air_temperature" is the deterministic
    field. All points have values; "above_ground" (time, level, rows, columns), int8, is their
    ancillary variable: 0 marks those below the ground, where pressure exceeds the surface pressure.
    provenance: see `netcdf.attributes`.
    """
    import xarray  # late: it loads pandas

    axes = _axes(case.coordinates)
    ensemble, single = (case.first(methods, ensemble) for ensemble in (True, False))
    members = None if ensemble is None else case.members(ensemble)
    variables = _ensemble(members, axes) if members is not None else {}
    if single is not None:
        name = "air_temperature_deterministic" if variables else "air_temperature"
        field = case.members(single)[..., 0]  # its one member takes the place of the time
        variables[name] = (axes, field, _kelvin("deterministic field"))
    variables[ABOVE_GROUND] = (axes, _above_ground(case), FLAG)
    coordinates = _coordinates(case.coordinates, axes)
    if members is not None:
        coordinates["realization"] = realization(len(members))
    return xarray.Dataset(variables, coordinates, attributes(provenance, TITLE))


def _axes(where: Coordinates) -> tuple[str, str, str, str]:
    """Names of the axes of a field: time, levels, rows, columns."""
    horizontal = ("latitude", "longitude") if where.is_regular else ("y", "x")
    return "time", "level", *horizontal


def _ensemble(members: np.ndarray, axes: tuple[str, str, str, str]) -> dict[str, Variable]:
    """Members (M, Z, H, W, 1), their mean and, where there are several, their spread."""
    members = members[np.newaxis, ..., 0]
    mean = members.mean(axis=1, dtype=np.float64)
    found: dict[str, Variable] = {
        "air_temperature": ((axes[0], "realization", *axes[1:]), members, _kelvin("members")),
        "air_temperature_mean": (axes, mean, _kelvin("mean of the members", "mean")),
    }
    if members.shape[1] > 1:
        spread = members.std(axis=1, ddof=1, dtype=np.float64)
        about = _kelvin("unbiased standard deviation of the members", "standard_deviation")
        found["air_temperature_spread"] = (axes, spread, about)
    return found


def _above_ground(case: DownscaleCase) -> np.ndarray:
    """(1, Z, H, W) int8: 1 above the ground, 0 below."""
    return (case.sample.input.weight[np.newaxis, ..., 0] > 0).astype(np.int8)


def _kelvin(text: str, over_members: str = "") -> dict[str, str]:
    named = {"standard_name": "air_temperature", "long_name": f"air temperature, {text}"}
    method = {"cell_methods": f"realization: {over_members}"} if over_members else {}
    return {**named, "units": "K", **method, "ancillary_variables": ABOVE_GROUND}


def _coordinates(where: Coordinates, axes: tuple[str, str, str, str]) -> dict[str, Variable]:
    rows, columns = axes[2:]
    latitude, longitude = (
        {"standard_name": name, "units": f"degrees_{towards}"}
        for name, towards in (("latitude", "north"), ("longitude", "east"))
    )
    pressure = {"standard_name": "air_pressure", "units": "hPa", "positive": "down", "axis": "Z"}
    times = np.array([where.time], "datetime64[m]").astype("datetime64[ns]")  # what pandas takes
    found: dict[str, Variable] = {
        "time": (("time",), times, {"standard_name": "time", "axis": "T"}),
        "level": (("level",), np.asarray(where.levels_hpa, np.float64), pressure),
    }
    if where.is_regular:
        found[rows] = ((rows,), where.y.values, {**latitude, "axis": "Y"})
        found[columns] = ((columns,), where.x.values, {**longitude, "axis": "X"})
        return found
    found["latitude"] = ((rows, columns), where.latitude, latitude)
    found["longitude"] = ((rows, columns), where.longitude, longitude)
    for name, metres in (("y", where.y.values), ("x", where.x.values)):
        # no projection is given, so it is no CF projection coordinate
        about = {"long_name": f"distance along the grid's {name} axis", "units": "m"}
        found[name] = ((name,), metres, {**about, "axis": name.upper()})
    return found
