"""What a NetCDF file holds, by netCDF4 alone: names, axes, attributes, and the values asked for.

A file that does not serve is refused by it: xarray, with what it needs, takes longer to load than
all the rest of a refusal, and longer to open one of many small files than it takes to read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mindcast.data.temperature.netcdf import engine_of, unreadable
from mindcast.data.temperature.units import text
from mindcast.refusal import Refusal, one_line

if TYPE_CHECKING:
    import netCDF4  # late at run time

ERRORS = (OSError, RuntimeError, EOFError)


class Array:
    """A variable of an open file, or the part of it at some indices."""

    def __init__(
        self, name: str, variable: netCDF4.Variable, at: Mapping[str, int] | None = None
    ) -> None:
        self.name, self._variable, self._at = name, variable, dict(at or {})
        self.dims = tuple(dim for dim in variable.dimensions if dim not in self._at)
        self.ndim = len(self.dims)

    @property
    def sizes(self) -> dict[str, int]:
        """Of its axes."""
        sizes = dict(zip(self._variable.dimensions, self._variable.shape, strict=True))
        return {dim: sizes[dim] for dim in self.dims}

    @property
    def encoding(self) -> dict[str, Any]:
        """Its attributes that say how values are packed, under the name that xarray has for it."""
        return self.attrs

    def isel(self, indices: Mapping[str, int]) -> Array:
        """What lies at indices along some axes."""
        return Array(self.name, self._variable, {**self._at, **indices})

    @cached_property
    def attrs(self) -> dict[str, Any]:
        """All of them, read when one is asked for."""
        return {key: self._variable.getncattr(key) for key in self._variable.ncattrs()}

    @property
    def values(self) -> np.ndarray:
        """Unpacked; NaN, which makes them floats, where they are missing."""
        where = tuple(self._at.get(dim, slice(None)) for dim in self._variable.dimensions)
        values = self._variable[where]
        if not np.ma.is_masked(values):
            return np.asarray(values)
        return np.ma.filled(values.astype(np.float64), np.nan)


class Contents:
    """The variables at the top of an open file."""

    def __init__(self, file: netCDF4.Dataset) -> None:
        self.variables = {name: Array(name, item) for name, item in file.variables.items()}
        self.sizes = {name: len(dimension) for name, dimension in file.dimensions.items()}

    def __getitem__(self, name: str) -> Array:
        return self.variables[name]

    @cached_property
    def data_vars(self) -> dict[str, Array]:
        """Those that are no coordinate of others: neither of an axis, nor named as one."""
        named = (text(a.attrs.get("coordinates", "")).split() for a in self.variables.values())
        coordinates = {*self.sizes, *(name for names in named for name in names)}
        return {name: a for name, a in self.variables.items() if name not in coordinates}


@contextmanager
def contents_of(path: Path) -> Iterator[Contents]:
    """The contents of a file, while it is open; what goes wrong with it becomes a Refusal."""
    import netCDF4  # late: it is slow to load

    try:
        engine_of(path)
        with netCDF4.Dataset(path) as file:
            yield _contents(path, file)
    except ERRORS as error:
        raise unreadable(path, error) from None


def _contents(path: Path, file: netCDF4.Dataset) -> Contents:
    try:
        return Contents(file)
    except ERRORS:
        raise
    except Exception as error:  # a damaged header makes the library below raise anything
        raise Refusal(
            f"{path}: cannot be understood as NetCDF ({one_line(error)[:200]}); fix the file"
        ) from None
