"""What a file of `output.nowcast` holds, read piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mindcast.mapgrid import MapGrid
from mindcast.output.map_axes import GRID_MAPPING
from mindcast.output.nowcast import MISSING, PROBABILITY, QUANTITIES
from mindcast.refusal import Refusal, one_line

if TYPE_CHECKING:
    import h5netcdf


class StoredNowcast:
    """A nowcast in an open file; fields are float32 in `unit`, NaN where missing.

    times: (T,), datetime64[s], valid times, UTC. reference: of the last observed frame. count: of
    members, None for a forecast without. thresholds: of the probabilities. grid: None where no map
    is known. method: what made the forecast, or else the model.
    """

    def __init__(self, file: h5netcdf.File) -> None:
        variables = file.variables
        self.unit = next(unit for unit, of in QUANTITIES.items() if of.name in variables)
        self.times: np.ndarray = variables["time"][:].astype("datetime64[s]")
        self.reference: np.datetime64 = variables["forecast_reference_time"][()].astype("M8[s]")
        members = file.dimensions.get("realization")
        self.count = None if members is None else int(members.size)
        self.thresholds: tuple[float, ...] = ()
        if "threshold" in variables:
            self.thresholds = tuple(variables["threshold"][:].tolist())
        self.grid = _grid(variables) if GRID_MAPPING in variables else None
        self.method = _method(file.attrs)
        self._variables, self._name = variables, QUANTITIES[self.unit].name

    def member(self, number: int) -> np.ndarray:
        """(T, H, W); that of a forecast without members has the number 0."""
        place = (...,) if self.count is None else (number, ...)
        return self._read(self._name, place)

    def mean(self) -> np.ndarray:
        """(T, H, W) of the members; of a forecast without, that itself."""
        return self.member(0) if self.count is None else self._read(f"{self._name}_mean", (...,))

    def probability(self, threshold: float) -> np.ndarray:
        """(T, H, W), the share of the members that reach one of the thresholds."""
        return self._read(PROBABILITY, (self.thresholds.index(threshold), ...))

    def _read(self, name: str, place: tuple[Any, ...]) -> np.ndarray:
        values = np.asarray(self._variables[name][place])
        return np.where(values == MISSING, np.float32(np.nan), values)


@contextmanager
def stored_nowcast(path: Path) -> Iterator[StoredNowcast]:
    """The nowcast of a file, open as long as the block runs; Refusal for a file of another kind."""
    import h5netcdf

    try:
        file = h5netcdf.File(path, "r")
    except (OSError, ValueError) as error:
        raise Refusal(f"{path}: cannot be read as NetCDF-4 ({one_line(error)})") from None
    with file:
        try:
            stored = StoredNowcast(file)
        except (LookupError, StopIteration, ValueError):
            raise Refusal(
                f"{path}: is no nowcast as MindCast writes them; see docs/output.md"
            ) from None
        yield stored


def _method(attributes: Mapping[str, Any]) -> str:
    provenance = json.loads(attributes["provenance"])
    return str(provenance.get("method") or attributes["source"])


def _grid(variables: Any) -> MapGrid:
    projection = str(variables[GRID_MAPPING].attrs["crs_wkt"])
    return MapGrid(variables["x"][:], variables["y"][:], projection)
