"""Small files of temperature in the layouts of several archives, written for one test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from mindcast.data import open_split
from mindcast.data.temperature.fields import TemperatureFields
from mindcast.data.temperature.settings import TemperatureSettings

LEVELS = (1000.0, 850.0, 500.0)
HEIGHT, WIDTH, TIMES = 16, 24, 4
ON_LEVELS = ("time", "level", "lat", "lon")
UNITS = {"t": "K", "u": "m s-1", "v": "m s-1", "w": "Pa s-1", "gh": "m"}


@dataclass(frozen=True)
class Patch:
    levels_hpa: tuple[float, ...] = LEVELS
    factor: int = 4
    frame: tuple[int, int] | None = (8, 8)
    prior_source: str = "winds"


def dataset(times: int = TIMES, height: int = HEIGHT, width: int = WIDTH) -> xr.Dataset:
    """t, u, v, w, gh on levels, sp below them; rows from north to south, a state every 6 hours."""
    rng = np.random.default_rng(0)
    latitude, longitude = 60.0 - np.arange(height), 10.0 + np.arange(width)
    base = np.array([288.0, 280.0, 255.0])[:, None, None] + 0.3 * (latitude[:, None] - 60)
    shape = (times, len(LEVELS), height, width)
    means = {
        "t": base,
        "u": 10.0,
        "v": 0.0,
        "w": 0.0,
        "gh": np.array([100.0, 1500.0, 5500.0])[:, None, None],
    }
    fields = {
        name: (
            ON_LEVELS,
            (mean + rng.normal(size=shape)).astype(np.float32),
            {"units": UNITS[name]},
        )
        for name, mean in means.items()
    }
    fields["sp"] = (
        ("time", "lat", "lon"),
        np.full((times, height, width), 101000.0, np.float32),
        {"units": "Pa"},
    )
    coordinates = {
        "time": np.datetime64("2020-01-01T00", "ns")
        + 6 * np.arange(times) * np.timedelta64(1, "h"),
        "level": ("level", np.array(LEVELS), {"units": "hPa"}),
        "lat": ("lat", latitude, {"units": "degrees_north"}),
        "lon": ("lon", longitude, {"units": "degrees_east"}),
    }
    return xr.Dataset(fields, coordinates)


def projected(data: xr.Dataset, **attributes: float) -> xr.Dataset:
    """The same fields on a map: positions as 2-D variables, no coordinates on the axes."""
    latitude, longitude = np.meshgrid(data.lat.values, data.lon.values, indexing="ij")
    plain = data.drop_vars(["lat", "lon"]).rename(lat="y", lon="x")
    plain["lat"] = (("y", "x"), latitude, {"units": "degrees_north"})
    plain["lon"] = (("y", "x"), longitude, {"units": "degrees_east"})
    return plain.assign_attrs(attributes)


def write(data: xr.Dataset, path: Path, engine: str = "h5netcdf", **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data.to_netcdf(path, engine=engine, **options)
    return path


def settings(root: Path, **changes: object) -> TemperatureSettings:
    tree = {"name": "temperature", "root_dir": str(root), "crop_stride": 4, **changes}
    return TemperatureSettings.model_validate(tree)


def opened(
    root: Path, split: str = "train", patch: Patch | None = None, **changes: object
) -> TemperatureFields:
    return open_split(settings(root, **changes), split, patch or Patch())
