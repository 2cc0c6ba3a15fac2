"""Files of a made-up atmosphere, in the layout of the real ones, for smoke runs, tests and demos.

The data set "synthetic_temperature" writes its files when it is first opened. State i of a seed is
the same in every archive of its size; the country is the seed's. One state a day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from tqdm import tqdm

from mindcast.data.base import PatchLike, Split
from mindcast.data.generated import make_once
from mindcast.data.temperature import fields
from mindcast.data.temperature.atmosphere import LEVELS_HPA, Country, country, draw_state
from mindcast.data.temperature.settings import SyntheticTemperatureSettings

FIRST_DAY = np.datetime64("2019-01-01T12:00")
STATES_A_FILE = 24
ATTRIBUTES = {
    "t": {"units": "K", "standard_name": "air_temperature"},
    "u": {"units": "m s-1", "standard_name": "eastward_wind"},
    "v": {"units": "m s-1", "standard_name": "northward_wind"},
    "w": {"units": "Pa s-1", "standard_name": "lagrangian_tendency_of_air_pressure"},
    "gh": {"units": "m", "standard_name": "geopotential_height"},
    "sp": {"units": "Pa", "standard_name": "surface_air_pressure"},
    "orog": {"units": "m", "standard_name": "surface_altitude"},
    "lsm": {"units": "1", "standard_name": "land_binary_mask"},
}


@dataclass(frozen=True)
class Recipe:
    """All that an archive depends on; kept in its `synthetic.json`."""

    states: int
    seed: int
    size: tuple[int, int] = (64, 96)
    generator: int = 1  # counts up when `atmosphere` draws other numbers

    def country(self) -> Country:
        """Grid and ground of every state."""
        return country(self._generator(0), *self.size)

    def state(self, number: int, where: Country) -> dict[str, np.ndarray]:
        """State `number`, see `draw_state`."""
        return draw_state(self._generator(1, number), where)

    def _generator(self, *key: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))


def open_split(
    settings: SyntheticTemperatureSettings, split: Split, window: PatchLike
) -> fields.TemperatureFields:
    """One split of the archive that the settings describe, generated if it is not there yet."""
    prepare(settings)
    return fields.open_split(settings, split, window)


def prepare(settings: SyntheticTemperatureSettings) -> None:
    """Generate the archive into `settings.root_dir` unless it is there; see `make_once`."""
    recipe = Recipe(settings.states, settings.seed, settings.grid_size)
    write_archive(Path(settings.root_dir), recipe)


def write_archive(root: Path, recipe: Recipe) -> None:
    """Make `root` the archive of `recipe`: files of up to 24 states; Refusal as `make_once`."""
    make_once(root, asdict(recipe), lambda folder: _write(folder, recipe))


def _write(folder: Path, recipe: Recipe) -> None:
    where = recipe.country()
    with tqdm(total=recipe.states, desc="synthetic temperature", unit="state") as bar:
        for first in range(0, recipe.states, STATES_A_FILE):
            numbers = range(first, min(first + STATES_A_FILE, recipe.states))
            states = []
            for number in numbers:
                states.append(recipe.state(number, where))
                bar.update()
            times = FIRST_DAY + np.array(numbers) * np.timedelta64(1, "D")
            data = dataset(where, states, times)
            write_dataset(folder / f"synthetic_{first // STATES_A_FILE:03d}.nc", data)


def dataset(where: Country, states: list[dict[str, np.ndarray]], times: np.ndarray) -> xr.Dataset:
    """States at their valid times as a CF dataset, float32."""
    coordinates = {
        "time": ("time", times.astype("datetime64[ns]")),
        "level": ("level", np.array(LEVELS_HPA), {"units": "hPa", "positive": "down"}),
        "lat": ("lat", where.grid.y.values, {"units": "degrees_north"}),
        "lon": ("lon", where.grid.x.values, {"units": "degrees_east"}),
    }
    return xr.Dataset(dict(_variables(where, states)), coordinates, {"Conventions": "CF-1.8"})


def _variables(
    where: Country, states: list[dict[str, np.ndarray]]
) -> Iterator[tuple[str, tuple[tuple[str, ...], np.ndarray, dict[str, str]]]]:
    for name in states[0]:
        values = np.stack([state[name] for state in states]).astype(np.float32)
        axes = ("time", "level", "lat", "lon") if values.ndim == 4 else ("time", "lat", "lon")
        yield name, (axes, values, ATTRIBUTES[name])
    for name, values in (("orog", where.orography), ("lsm", where.land)):
        yield name, (("lat", "lon"), values.astype(np.float32), ATTRIBUTES[name])


def write_dataset(path: Path, data: xr.Dataset) -> None:
    """Write a dataset as compressed NetCDF-4."""
    compressed = {str(name): {"zlib": True, "complevel": 1} for name in data.data_vars}
    data.to_netcdf(path, engine="h5netcdf", encoding=compressed)
