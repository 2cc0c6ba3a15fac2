"""The door of compiled functions: named arrays go in, flat tensors are all that is compiled.

A graph takes a tuple for a constant and would be compiled anew for each; so its arguments are
single tensors, and this is the one place that makes them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn


def compiled(function: Callable[..., Any], graph: bool) -> Callable[..., Any]:
    """A cell or function as a function of its own: a graph where wanted, else as it is.

    It takes NumPy arrays and tensors. A lambda cannot be compiled, nor can one that calls one.
    """

    def call(*inputs):
        return function(*inputs)

    inner = ms.jit(call) if graph else call

    def through_the_door(*inputs: np.ndarray | Tensor) -> Any:
        return inner(*[i if isinstance(i, Tensor) else Tensor(i) for i in inputs])

    return through_the_door


def arguments(cell: nn.Cell, named: Mapping[str, np.ndarray]) -> list[Tensor]:
    """What `cell.construct` takes, in its order, out of arrays by the names of its parameters.

    A parameter with a default may be absent, if those after it are; other arrays are left out.
    """
    taken = []
    for name, parameter in inspect.signature(cell.construct).parameters.items():
        if name not in named and parameter.default is not inspect.Parameter.empty:
            break
        taken.append(Tensor(named[name]))
    return taken
