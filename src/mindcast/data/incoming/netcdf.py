"""NetCDF files with CF metadata: rain rates, amounts and reflectivity, of any provider.

BOM's Rainfields are such files. Differs: pysteps' importer takes the centres of the outer pixels
for their edges and rounds the projection to 0.001 degrees; here both are the file's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.amounts import as_rate
from mindcast.data.incoming.cf_grid import north_up
from mindcast.data.incoming.cf_names import find_variable, quantity_of
from mindcast.data.incoming.cf_times import accumulation_minutes, frame_times, time_axis
from mindcast.data.incoming.contents import Array, Contents, contents_of
from mindcast.data.incoming.frames import Frame, Place
from mindcast.data.temperature.netcdf import values_of
from mindcast.refusal import Refusal


def places(files: Sequence[Path], settings: InputSettings, interval_minutes: int) -> list[Place]:
    """A frame for each time of the variable of rain; Refusal for one of another quantity."""
    found = []
    for path in files:
        with contents_of(path) as data:
            name = find_variable(path, data, settings)
            quantity_of(path, data[name], settings)
            times = frame_times(path, data, data[name])
        found += [Place(path, time, number, name) for number, time in enumerate(times)]
    return found


def read(place: Place, settings: InputSettings) -> Frame:
    """Rain rate in mm/h, dBZ, or codes of VIL."""
    path = place.path
    with contents_of(path) as data:
        array = data[place.part]
        quantity = quantity_of(path, array, settings)
        minutes = None
        if quantity.is_amount:
            minutes = accumulation_minutes(path, data, array, place.number)
        field = _field(path, data, array, place.number)
        values = np.asarray(values_of(path, field), np.float64) * quantity.factor
        values, grid, notes = north_up(path, data, field, values)
    values, unit = as_rate(values, quantity.unit, path, minutes, settings)
    return Frame(values, unit, grid, notes)


def _field(path: Path, data: Contents, array: Array, number: int) -> Array:
    """Frame `number`, (y, x): other axes must be of one."""
    axis = time_axis(path, data, array)
    field = array.isel({axis: number}) if axis else array
    spare = [dim for dim in field.dims[:-2] if field.sizes[dim] == 1]
    field = field.isel({dim: 0 for dim in spare})
    if field.ndim != 2:
        sizes = ", ".join(f"{dim} ({field.sizes[dim]})" for dim in field.dims)
        raise Refusal(
            f"{path}: {array.name} has the axes {sizes}, expected time, rows and columns; take one "
            "index of the others"
        )
    return field
