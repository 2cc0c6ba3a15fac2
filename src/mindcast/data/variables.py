"""What is asked of a variable and of a file of variables, whoever reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np


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


class Packed(Field, Protocol):
    """The same, and how its values are packed."""

    @property
    def encoding(self) -> Mapping[Any, Any]: ...


class Dataset(Protocol):
    """What is asked of a file: this house's `Contents` has it, and xarray's Dataset."""

    @property
    def variables(self) -> Mapping[Any, Any]: ...

    @property
    def data_vars(self) -> Mapping[Any, Any]: ...

    @property
    def sizes(self) -> Mapping[Any, int]: ...

    def __getitem__(self, name: Any, /) -> Any: ...
