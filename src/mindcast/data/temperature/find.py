"""Which variable of a file is a quantity: by its names, its axes and its unit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from mindcast.data.temperature import axes, names
from mindcast.data.temperature.field_file import Variable
from mindcast.data.temperature.levels import no_pressure
from mindcast.data.temperature.roles import Roles, find_roles, with_coordinates
from mindcast.data.temperature.units import MEASURES, text
from mindcast.refusal import Refusal


@dataclass(frozen=True)
class Opened:
    """An open file and what its axes stand for."""

    path: Path
    data: xr.Dataset
    roles: Roles


def look_into(path: Path, data: xr.Dataset) -> Opened:
    """The file with the roles of its axes found out."""
    data = with_coordinates(data)
    return Opened(path, data, find_roles(data))


def find(file: Opened, quantity: str) -> tuple[Variable, axes.Layout] | None:
    """The variable of a quantity with the axes it should have, in a unit that is known.

    Refusal where all variables of its names are on other axes or in unknown units.
    """
    pairs = [(str(name), dict(file.data[name].attrs)) for name in file.data.variables]
    problem: Refusal | None = None
    for name in names.candidates(quantity, pairs):
        try:
            return _variable(file, quantity, name)
        except axes.AnotherField:
            continue
        except Refusal as refusal:
            problem = problem or refusal
    if problem is not None:
        raise problem
    return None


def _variable(file: Opened, quantity: str, name: str) -> tuple[Variable, axes.Layout]:
    """One variable as the quantity; AnotherField or Refusal if it is not."""
    array = file.data[name]
    standard = text(array.attrs.get("standard_name", ""))
    if names.is_another(quantity, standard):
        raise Refusal(
            f"{file.path}: {name} is {standard} by its standard_name, expected "
            f"{names.QUANTITIES[quantity].standard_names[0]}; convert it, or mend the attribute"
        )
    layout = _layout(file, quantity, array)
    stated = text(array.attrs["units"]) if "units" in array.attrs else None
    try:
        numbers = names.conversion(quantity, name, stated)
    except ValueError:
        found = "has no units" if stated is None else f"is in {stated!r}"
        raise Refusal(
            f"{file.path}: {name} {found}, expected a unit of "
            f"{MEASURES[names.QUANTITIES[quantity].unit]}; fix its attribute units"
        ) from None
    if numbers is None:
        raise axes.AnotherField(name)
    versions = _versions(file.data, layout)
    return Variable(name, *numbers, standard, layout.version, versions), layout


def _layout(file: Opened, quantity: str, array: xr.DataArray) -> axes.Layout:
    """The axes of a variable; AnotherField where it has levels that it should not have."""
    on_levels = names.QUANTITIES[quantity].on_levels
    upright = [
        str(dim)
        for dim in array.dims
        if file.roles.get(str(dim)) in ("level", "vertical") and array.sizes[dim] > 1
    ]
    if upright and (not on_levels or all(file.roles[dim] != "level" for dim in upright)):
        if quantity == "temperature":
            raise no_pressure(file.path, upright[0], _attributes(file.data, upright[0]))
        raise axes.AnotherField(array.name)
    try:
        layout = axes.find_layout(file.path, file.data, array, file.roles)
    except Refusal:
        if not on_levels and names.short_name(str(array.name)) in names.AMBIGUOUS:
            raise axes.AnotherField(array.name) from None
        raise
    if on_levels and not layout.level:
        raise axes.AnotherField(array.name)
    return layout


def _attributes(data: xr.Dataset, name: str) -> dict[str, object]:
    return dict(data[name].attrs) if name in data.variables else {}


def _versions(data: xr.Dataset, layout: axes.Layout) -> tuple[int, ...]:
    """Indices along the axis of versions, the lowest number, which is the final one, first."""
    if not layout.version:
        return ()
    size = data.sizes[layout.version]
    if layout.version not in data.variables:
        return tuple(range(size))
    written = [text(value) for value in data[layout.version].values]
    order = np.argsort([float(w) if w.replace(".", "").isdigit() else np.inf for w in written])
    return tuple(int(index) for index in order)
