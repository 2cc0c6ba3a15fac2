"""What a NetCDF file holds, by netCDF4 alone: names, axes, attributes, and the values asked for.

A file that does not serve is refused by it: xarray, with what it needs, takes longer to load than
all the rest of a refusal, and longer to open one of many small files than it takes to read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mindcast.data.temperature.netcdf import engine_of, unreadable
from mindcast.data.temperature.units import text
from mindcast.refusal import Refusal, one_line

if TYPE_CHECKING:
    import netCDF4  # late at run time

ERRORS = (OSError, RuntimeError, EOFError)


class Field(Protocol):
    """What is asked of a variable: this house's `Array` has it, and xarray's DataArray."""

    @property
    def name(self) -> Any: ...

    @property
    def dims(self) -> tuple[Any, ...]: ...

    @property
    def ndim(self) -> int: ...

    @property
    def attrs(self) -> Mapping[Any, Any]: ...

    @property
    def values(self) -> np.ndarray: ...


class Dataset(Protocol):
    """What is asked of a file: this house's `Contents` has it, and xarray's Dataset."""

    @property
    def variables(self) -> Mapping[Any, Any]: ...

    @property
    def data_vars(self) -> Mapping[Any, Any]: ...

    @property
    def sizes(self) -> Mapping[Any, int]: ...

    def __getitem__(self, name: Any, /) -> Any: ...


class Array:
    """A variable of an open file."""

    def __init__(self, name: str, variable: netCDF4.Variable) -> None:
        self._variable = variable
        self.name, self.dims, self.ndim = name, tuple(variable.dimensions), variable.ndim

    @cached_property
    def attrs(self) -> dict[str, Any]:
        """All of them, read when one is asked for."""
        return {key: self._variable.getncattr(key) for key in self._variable.ncattrs()}

    @property
    def values(self) -> np.ndarray:
        """Unpacked; NaN, which makes them floats, where they are missing."""
        values = self._variable[...]
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
