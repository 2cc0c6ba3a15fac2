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

from mindcast.kernels.operators import in_use
from mindcast.kernels.waiting import Announcements, last_part


@dataclass
class Spent:
    """Seconds that graphs took to compile, each with its first evaluation, in this process."""

    seconds: float = 0.0


COMPILING = Spent()


def compiled(function: Callable[..., Any], graph: bool) -> Callable[..., Any]:
    """A cell or function as a function of its own: a graph where wanted, else as it is.

    It takes NumPy arrays and tensors. A lambda cannot be compiled, nor can one that calls one. On
    the CPU a graph has ended when the call returns.
    """
    announcements = Announcements() if graph and in_use() else None
    inner = _graph(function, announcements) if graph else function
    known: set[tuple[Any, ...]] = set()

    def through_the_door(*inputs: np.ndarray | Tensor) -> Any:
        tensors = [i if isinstance(i, Tensor) else Tensor(i) for i in inputs]
        kind = tuple((tensor.shape, tensor.dtype) for tensor in tensors)
        if not graph:
            return inner(*tensors)
        begun = time.monotonic()
        before = announcements.so_far() if announcements else 0
        outputs = inner(*tensors)
        if kind not in known:
            COMPILING.seconds += time.monotonic() - begun
            known.add(kind)
        elif announcements:
            announcements.wait_beyond(before)
        return outputs[0] if announcements else outputs

    return through_the_door


def _graph(function: Callable[..., Any], announcements: Announcements | None) -> Any:
    """The function compiled; with announcements its outputs come with that of its end."""
    if announcements is None:

        def call(*inputs):
            return function(*inputs)

        return ms.jit(call)
    announce = announcements.operator

    def announced(*inputs):
        outputs = function(*inputs)
        return outputs, announce(last_part(outputs))

    return ms.jit(announced)


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
