"""The axes of a field: which is which, and how its columns lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xarray as xr

from mindcast.data.temperature.roles import EXPECTED, Roles
from mindcast.data.temperature.units import text
from mindcast.refusal import Refusal

SPATIAL = ("level", "y", "x")


@dataclass(frozen=True)
class Layout:
    """Names of the axes of a field, and how its columns lie.

    level: "" where there is none. states: the axes of time, step and member. others: role ("time",
        "reference", "step", "member") to name. version: see `roles`.
    flipped: columns run westwards. columns: how many are kept (a repeated last one is not).
    first: the column, counted eastwards, with which the circle is to begin.
    """

    level: str
    y: str
    x: str
    states: tuple[str, ...]
    others: dict[str, str] = field(default_factory=dict)
    version: str = ""
    flipped: bool = False
    columns: int | None = None
    first: int = 0

    def arranged(self, values: np.ndarray) -> np.ndarray:
        """Columns (last axis) of the file, from west to east, beginning with the first."""
        kept = (values[..., ::-1] if self.flipped else values)[..., : self.columns]
        return np.roll(kept, -self.first, axis=-1) if self.first else kept

    def holds(self, other: Layout) -> bool:
        """Whether every axis of the other is one of these."""
        same_grid = (self.y, self.x) == (other.y, other.x)
        return same_grid and other.level in ("", self.level) and {*other.states} <= {*self.states}


class AnotherField(Exception):
    """A variable is no field of the kind that is looked for: it lacks the axes."""


def find_layout(path: Path, data: xr.Dataset, array: xr.DataArray, roles: Roles) -> Layout:
    """The axes of a field.

    An axis of one cell that is not needed is taken away. Refusal for a longer one that stands for
    nothing known, or for what another already does; AnotherField without rows and columns.
    """
    if not {"y", "x"} <= {roles.get(str(dim)) for dim in array.dims}:
        raise AnotherField(f"{array.name} has no rows and columns")
    found: dict[str, str] = {}
    for dim in sorted(map(str, array.dims), key=lambda dim: -array.sizes[dim]):
        role = roles.get(dim, "")
        if role and role != "vertical" and role not in found:
            found[role] = dim
        elif array.sizes[dim] > 1:
            wanted = "one axis alone" if role in found else "one"
            raise Refusal(
                f"{path}: axis {dim} of {array.name} (length {array.sizes[dim]}), expected "
                f"{wanted} of {', '.join(EXPECTED)}; take one index of it"
            )
    level, y, x, version = (found.pop(role, "") for role in (*SPATIAL, "version"))
    states = tuple(str(dim) for dim in array.dims if dim in found.values())
    return Layout(level, y, x, states, found, version, *_columns(path, data, y, x))


def _columns(path: Path, data: xr.Dataset, y: str, x: str) -> tuple[bool, int | None]:
    """Whether columns run westwards, and how many are kept."""
    if x not in data.coords or data[x].ndim != 1 or not is_regular(data, y, x):
        return False, None
    longitude = unwrapped(path, data, x)
    span = abs(longitude[-1] - longitude[0])
    repeated = abs(span - 360) < 0.5 * span / (len(longitude) - 1)
    return bool(longitude[-1] < longitude[0]), len(longitude) - int(repeated)


def is_regular(data: xr.Dataset, y: str, x: str) -> bool:
    """Whether the axes themselves are latitude and longitude."""
    return all(
        dim in data.coords and data[dim].ndim == 1 and _is_position(data, dim, kind)
        for dim, kind in ((y, "latitude"), (x, "longitude"))
    )


def _is_position(data: xr.Dataset, dim: str, kind: str) -> bool:
    standard = text(data[dim].attrs.get("standard_name", ""))
    if standard.startswith("grid_"):  # of a rotated pole
        return False
    return dim in data.cf.coordinates.get(kind, ()) or dim.lower().startswith((kind, kind[:3]))


def unwrapped(path: Path, data: xr.Dataset, x: str) -> np.ndarray:
    """Longitudes without the jump by 360 degrees, as they lie in the file."""
    longitude = np.asarray(data[x].values, np.float64)
    if len(longitude) < 3:
        raise Refusal(f"{path}: {len(longitude)} longitudes, expected 3 at least")
    return np.unwrap(longitude, period=360)
