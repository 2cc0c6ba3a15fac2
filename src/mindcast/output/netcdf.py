"""Downscaled temperature as a CF-NetCDF file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mindcast.files import complete_or_absent
from mindcast.output.temperature import DownscaledTemperature
from mindcast.refusal import Refusal

if TYPE_CHECKING:
    import xarray  # late at run time: it loads pandas

CONVENTIONS = "CF-1.11"
TITLE = "Downscaled air temperature on pressure levels"
TIME_UNITS = "minutes since 2000-01-01 00:00:00"
PACKED = {"dtype": "float32", "zlib": True, "complevel": 4, "shuffle": True}

Variable = tuple[tuple[str, ...], np.ndarray, dict[str, str]]  # dimensions, values, attributes


def write_netcdf(
    path: Path, fields: DownscaledTemperature, provenance: Mapping[str, Any], title: str = TITLE
) -> None:
    """Write the fields to `path`, complete or not at all.

    Variables, float32, compressed: "air_temperature" (time, realization, level, rows, columns) of
    the members, with "air_temperature_mean" and "_spread" over them where there are several, and
    "air_temperature_deterministic"; without members "air_temperature" is the deterministic field.
    Times that repeat or fall make the first dimension "case". provenance: what made the fields
    (model, checkpoints, sampler, steps, seed, settings); it becomes the attributes "source" (its
    "model"), "history" (one line) and "provenance" (all of it, JSON). Refusal if the file exists
    or cannot be written.
    """
    if path.exists():
        raise Refusal(f"{path}: exists and is kept; move it away or choose another --out")
    dataset = as_dataset(fields, provenance, title)
    encoding: dict[str, dict[str, Any]] = {str(name): PACKED for name in dataset.data_vars}
    encoding["time"] = {"units": TIME_UNITS, "dtype": "int64", "calendar": "standard"}
    for name in dataset.coords:
        encoding.setdefault(str(name), {"_FillValue": None})
    with complete_or_absent(path, "choose another --out") as part:
        dataset.to_netcdf(part, engine="h5netcdf", encoding=encoding)


def as_dataset(
    fields: DownscaledTemperature, provenance: Mapping[str, Any], title: str = TITLE
) -> xarray.Dataset:
    """What `write_netcdf` writes."""
    import xarray

    axes = _axes(fields)
    return xarray.Dataset(
        _variables(fields, axes), _coordinates(fields, axes), _attributes(provenance, title)
    )


def _axes(fields: DownscaledTemperature) -> tuple[str, str, str, str]:
    """Names of the axes of a field: cases, levels, rows, columns."""
    rising = bool((np.diff(fields.times) > np.timedelta64(0)).all())
    horizontal = ("latitude", "longitude") if fields.is_regular else ("y", "x")
    return "time" if rising else "case", "level", *horizontal


def _variables(
    fields: DownscaledTemperature, axes: tuple[str, str, str, str]
) -> dict[str, Variable]:
    found: dict[str, Variable] = {}
    if fields.members is not None:
        members = fields.members[..., 0]
        all_axes = (axes[0], "realization", *axes[1:])
        found["air_temperature"] = (all_axes, members, _kelvin("members"))
        if members.shape[1] > 1:
            mean = members.mean(axis=1, dtype=np.float64)
            spread = members.std(axis=1, ddof=1, dtype=np.float64)
            found["air_temperature_mean"] = (axes, mean, _kelvin("mean of the members", "mean"))
            text = "unbiased standard deviation of the members"
            found["air_temperature_spread"] = (
                axes,
                spread,
                _kelvin(text, "standard_deviation"),
            )
    if fields.deterministic is not None:
        name = "air_temperature_deterministic" if found else "air_temperature"
        found[name] = (axes, fields.deterministic[..., 0], _kelvin("deterministic field"))
    return found


def _kelvin(text: str, over_members: str = "") -> dict[str, str]:
    named = {"standard_name": "air_temperature", "long_name": f"air temperature, {text}"}
    method = {"cell_methods": f"realization: {over_members}"} if over_members else {}
    return {**named, "units": "K", **method}


def _coordinates(
    fields: DownscaledTemperature, axes: tuple[str, str, str, str]
) -> dict[str, Variable]:
    rows, columns = axes[2:]
    latitude, longitude = (
        {"standard_name": name, "units": f"degrees_{towards}"}
        for name, towards in (("latitude", "north"), ("longitude", "east"))
    )
    levels = np.asarray(fields.levels_hpa, np.float64)
    pressure = {"standard_name": "air_pressure", "units": "hPa", "positive": "down", "axis": "Z"}
    times = fields.times.astype("datetime64[ns]")  # the one unit that every pandas takes
    found: dict[str, Variable] = {
        "time": ((axes[0],), times, {"standard_name": "time", **_axis("T", axes[0] == "time")}),
        "level": (("level",), levels, pressure),
    }
    if fields.is_regular:
        found[rows] = ((rows,), fields.latitude, {**latitude, "axis": "Y"})
        found[columns] = ((columns,), fields.longitude, {**longitude, "axis": "X"})
    else:
        found["latitude"] = ((rows, columns), fields.latitude, latitude)
        found["longitude"] = ((rows, columns), fields.longitude, longitude)
        for name, metres in (("y", fields.y), ("x", fields.x)):
            if metres is not None:
                # no projection is given, so it is no CF projection coordinate
                about = {"long_name": f"distance along the grid's {name} axis", "units": "m"}
                found[name] = ((name,), metres, {**about, "axis": name.upper()})
    if fields.members is not None:
        numbers = np.arange(fields.members.shape[1], dtype=np.int32)
        about = {"standard_name": "realization", "long_name": "ensemble member", "units": "1"}
        found["realization"] = (("realization",), numbers, {**about, "axis": "E"})
    return found


def _axis(letter: str, is_axis: bool) -> dict[str, str]:
    return {"axis": letter} if is_axis else {}


def _attributes(provenance: Mapping[str, Any], title: str) -> dict[str, str]:
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    words = ", ".join(_words(provenance))
    return {
        "Conventions": CONVENTIONS,
        "title": title,
        "source": str(provenance.get("model", "unknown model")),
        "history": f"{moment} made by {words}" if words else f"{moment} made",
        "provenance": json.dumps(provenance, default=_plain, ensure_ascii=False),
    }


def _words(provenance: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """ "seed 7", "checkpoints.diffusion.path runs/a/best.ckpt"; all but the settings and lists."""
    for key, value in provenance.items():
        if isinstance(value, Mapping) and key != "settings":
            yield from _words(value, f"{above}{key}.")
        elif isinstance(value, (str, int, float, np.generic, Path)):
            yield f"{above}{key} {value}"


def _plain(value: Any) -> Any:
    """What JSON lacks: NumPy's numbers and arrays as Python's, all else as text."""
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else str(value)
