"""The door of compiled functions: named arrays go in, flat tensors are all that is compiled.

A graph takes a tuple for a constant and would be compiled anew for each; so its arguments are
single tensors, and this is the one place that makes them.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn


@dataclass
class Spent:
    """Seconds that graphs took to compile, each with its first evaluation, in this process."""

    seconds: float = 0.0


COMPILING = Spent()


def compiled(function: Callable[..., Any], graph: bool) -> Callable[..., Any]:
    """A cell or function as a function of its own: a graph where wanted, else as it is.

    It takes NumPy arrays and tensors. A lambda cannot be compiled, nor can one that calls one.
    """

    def call(*inputs):
        return function(*inputs)

    inner = ms.jit(call) if graph else call
    known: set[tuple[Any, ...]] = set()

    def through_the_door(*inputs: np.ndarray | Tensor) -> Any:
        tensors = [i if isinstance(i, Tensor) else Tensor(i) for i in inputs]
        kind = tuple((tensor.shape, tensor.dtype) for tensor in tensors)
        if not graph or kind in known:
            return inner(*tensors)
        begun = time.monotonic()
        outputs = inner(*tensors)
        COMPILING.seconds += time.monotonic() - begun
        known.add(kind)
        return outputs

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
