"""A nowcast out of a file: ours, or anyone's CF NetCDF."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from mindcast.config.incoming import InputSettings
from mindcast.config.verification import ForecastSettings
from mindcast.data.forecasts.axes import MEMBER, Axes, axes_of
from mindcast.data.forecasts.times import Times, times_of
from mindcast.data.incoming.amounts import as_rate
from mindcast.data.incoming.cf_grid import north_up
from mindcast.data.incoming.cf_names import Quantity, find_variable, quantity_of
from mindcast.data.incoming.quantities import check_values
from mindcast.data.temperature.netcdf import opened, values_of
from mindcast.data.temperature.units import text
from mindcast.mapgrid import MapGrid
from mindcast.refusal import Refusal

CODES = "vil_code"  # what our files call the codes of VIL, which have no unit
STATISTICS = ("mean", "median", "standard_deviation", "variance", "maximum", "minimum")
STATED = ("title", "source", "history")
AXIS_OF_OTHERS = ("threshold", "percentile", "quantile", "probability")


@dataclass(frozen=True, eq=False)
class ForecastFile:
    """What a file of forecasts holds.

    members: None where it has no axis of them. unit: "dBZ", "mm/h" or "VIL". thresholds: those of
    its probabilities, in `unit`, if it has any. notes: what was taken for what. made_by: what the
    file says of itself.
    """

    path: Path
    variable: str
    axes: Axes
    quantity: Quantity
    times: Times
    members: int | None
    grid: MapGrid | None
    shape: tuple[int, int]
    thresholds: tuple[float, ...]
    notes: tuple[str, ...]
    made_by: dict[str, str]
    settings: InputSettings

    @property
    def unit(self) -> str:
        """Of `frames`."""
        return "mm/h" if self.quantity.is_amount else self.quantity.unit

    def frames(self, issue: int, leads: Sequence[int]) -> np.ndarray:
        """(M, L, H, W) or, without members, (L, H, W), float32 in `unit`; NaN is missing.

        issue, leads: numbers of a time of beginning and of lead times. Rows from north to south.
        Refusal for values that cannot be of the unit.
        """
        axes = self.axes
        with opened(self.path, "netcdf4") as data:
            array = data[self.variable].isel(dict.fromkeys(axes.single, 0))
            if axes.reference:
                array = array.isel({axes.reference: issue})
            array = array.isel({axes.time: list(leads)}) if axes.time else array.expand_dims("t")
            order = [axis for axis in (axes.member, axes.time or "t", axes.y, axes.x) if axis]
            array = array.transpose(*order)
            values = np.asarray(values_of(self.path, array), np.float64) * self.quantity.factor
            values, _, _ = _north_up(self.path, data, array, values)
        stored = "mm" if self.quantity.is_amount else self.quantity.unit
        with _own_keys():
            values, _ = as_rate(values, stored, self.path, None, self.settings)
        return check_values(values, self.unit, str(self.path)).astype(np.float32)


def open_forecast(path: Path, about: ForecastSettings) -> ForecastFile:
    """The forecast in a file, read as far as its axes.

    about: what the file holds where it does not state it. Refusal for a file that holds no forecast
    of rain or reflectivity.
    """
    settings = InputSettings(
        variable=about.variable,
        unit=about.unit,
        accumulation_minutes=about.accumulation_minutes,
    )
    given = None if about.reference is None else np.datetime64(about.reference, "s")
    with _own_keys(), opened(path, "netcdf4") as data:
        name = _find_variable(path, data, settings)
        array = data[name]
        is_code = name == CODES and settings.unit is None
        quantity = Quantity("VIL") if is_code else quantity_of(path, array, settings)
        axes = axes_of(path, data, array)
        field = array.isel({str(d): 0 for d in array.dims if d not in (axes.y, axes.x)})
        field = field.transpose(axes.y, axes.x)
        _, grid, notes = _north_up(path, data, field, np.zeros(field.shape, np.float32))
        return ForecastFile(
            path,
            name,
            axes,
            quantity,
            times_of(path, data, array, axes, given),
            array.sizes[axes.member] if axes.member else None,
            grid,
            (field.shape[0], field.shape[1]),
            _thresholds(data, quantity),
            notes,
            {key: text(data.attrs[key]) for key in STATED if key in data.attrs},
            settings,
        )


@contextmanager
def _own_keys() -> Iterator[None]:
    """Refusals of what is shared with the reading of input name the keys of this section."""
    try:
        yield
    except Refusal as refusal:
        raise Refusal(str(refusal).replace("input.", "forecast.")) from None


def _find_variable(path: Path, data: xr.Dataset, settings: InputSettings) -> str:
    """The variable of the forecast itself, not of its statistics or probabilities."""
    fields = [str(name) for name, array in data.data_vars.items() if _is_forecast(array)]
    if settings.variable:
        return find_variable(path, data, settings)
    if CODES in fields:
        return CODES
    if len(fields) == 1:
        return fields[0]
    if not fields:
        raise Refusal(
            f"{path}: is no forecast, it holds no variable with times, rows and columns; give a "
            "NetCDF file of a nowcast"
        )
    with_members = [f for f in fields if any(MEMBER.search(str(dim)) for dim in data[f].dims)]
    return find_variable(path, data[with_members or fields], settings)


def _is_forecast(array: xr.DataArray) -> bool:
    words = text(array.attrs.get("cell_methods", "")).split()
    over_members = any(MEMBER.search(word.rstrip(":")) for word in words)
    is_statistic = over_members and bool({*words} & {*STATISTICS})
    return array.ndim >= 3 and not is_statistic and not {*map(str, array.dims)} & {*AXIS_OF_OTHERS}


def _north_up(
    path: Path, data: xr.Dataset, array: xr.DataArray, values: np.ndarray
) -> tuple[np.ndarray, MapGrid | None, tuple[str, ...]]:
    """See `north_up`; of values (..., H, W)."""
    front = array.ndim - 2
    field = array.isel({dim: 0 for dim in array.dims[:front]})
    rows_first = np.moveaxis(values, (-2, -1), (0, 1))
    turned, grid, notes = north_up(path, data, field, rows_first)
    return np.moveaxis(turned, (0, 1), (-2, -1)), grid, notes


def _thresholds(data: xr.Dataset, quantity: Quantity) -> tuple[float, ...]:
    if "threshold" not in data.variables or quantity.is_amount:
        return ()
    return tuple(float(v) * quantity.factor for v in np.ravel(data["threshold"].values))
