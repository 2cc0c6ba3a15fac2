"""The door of compiled functions: named arrays go in, flat tensors are all that is compiled.

A graph takes a tuple for a constant and would be compiled anew for each; so its arguments are
single tensors, and this is the one place that makes them.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn

from mindcast.graphs.contents import Unknown, describe
from mindcast.graphs.keeping import Kept
from mindcast.kernels.operators import in_use
from mindcast.kernels.waiting import Announcements, last_part
from mindcast.needless import left_out, needless_parts


@dataclass
class Spent:
    """Seconds that graphs took to compile, each with its first evaluation, in this process.

    graphs: how many there were; kept: how many of them an earlier process had compiled.
    """

    seconds: float = 0.0
    graphs: int = 0
    kept: int = 0
    show: Callable[[str], object] | None = None


COMPILING = Spent()
CANNOT_BE_KEPT = "MindIR"  # the file of a graph; the error comes before anything is evaluated


@contextmanager
def shown(show: Callable[[str], object]) -> Iterator[None]:
    """Within the `with`, `show` is told what goes on while a graph is compiled, and "" after."""
    before, COMPILING.show = COMPILING.show, show
    try:
        yield
    finally:
        COMPILING.show = before


def compiled(
    function: Callable[..., Any], graph: bool, cell: nn.Cell | None = None
) -> Callable[..., Any]:
    """A cell or function as a function of its own: a graph where wanted, else as it is.

    It takes NumPy arrays and tensors. A lambda cannot be compiled, nor can one that calls one. On
    the CPU a graph has ended when the call returns. cell: what a function calls whose parts may be
    `Needless`; they are asked at every call, as weights may be loaded at any time, and every set of
    answers has a form of its own.
    """
    parts = needless_parts(function if cell is None else cell)
    forms: dict[tuple[bool, ...], Callable[..., Any]] = {}

    def through_the_door(*inputs: np.ndarray | Tensor) -> Any:
        needless = tuple(part.adds_nothing() for part in parts)
        if needless not in forms:
            forms[needless] = _form(function) if graph else function
        with left_out(parts, needless):
            return forms[needless](*_tensors(inputs))

    return through_the_door


def _form(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a graph for every kind of tensors."""
    announcements = Announcements() if in_use() else None
    cell = _graph(function, announcements)
    inner = ms.jit(cell)
    parts = (function, announcements.operator if announcements else None)
    known: set[tuple[Any, ...]] = set()

    def call(*tensors: Tensor) -> Any:
        kind = tuple((tensor.shape, tensor.dtype) for tensor in tensors)
        if kind not in known:
            with _counted():
                outputs = _first(cell, parts, inner, tensors)
            known.add(kind)
        elif announcements:
            before = announcements.so_far()
            outputs = inner(*tensors)
            announcements.wait_beyond(before)
        else:
            outputs = inner(*tensors)
        return outputs[0] if announcements else outputs

    return call


def _graph(function: Callable[..., Any], announcements: Announcements | None) -> _Graph:
    """What is compiled; with announcements its outputs come with that of its end."""
    if announcements is None:

        class Plain(_Graph):
            def construct(self, *inputs):
                return function(*inputs)

        return Plain(auto_prefix=False)
    announce = announcements.operator

    class Announced(_Graph):
        def construct(self, *inputs):
            outputs = function(*inputs)
            return outputs, announce(last_part(outputs))

    return Announced(auto_prefix=False)


@contextmanager
def _counted() -> Iterator[None]:
    """Counts one graph, and shows that the work stands still for it."""
    show, begun = COMPILING.show or (lambda _: None), time.monotonic()
    show("compiling")
    try:
        yield
    finally:
        show("")
    COMPILING.seconds += time.monotonic() - begun
    COMPILING.graphs += 1


class _Graph(nn.Cell):
    """What is compiled; a kept graph takes its weights from what this names."""

    weights: Mapping[str, Parameter] = {}

    def parameters_dict(self, recurse: bool = True) -> Mapping[str, Parameter]:
        """Every weight within, by name, those in functions too."""
        return self.weights


def _first(
    cell: _Graph, parts: tuple[Any, ...], inner: Callable[..., Any], tensors: Sequence[Tensor]
) -> Any:
    """The first call with tensors of a kind: compiled, or taken from an earlier process."""
    keeper = Kept.keeper
    if keeper is None:
        return inner(*tensors)
    try:
        contents = describe(parts, tensors)
    except Unknown:
        return inner(*tensors)
    cell.weights = contents.weights
    key = keeper.key(contents.digest)
    try:
        with keeper.compiling(key) as served:
            outputs = inner(*tensors)
    except Exception as error:
        if served:
            keeper.forget(key)  # one that MindSpore cannot use after all
        elif CANNOT_BE_KEPT not in str(error):
            raise
        return inner(*tensors)
    COMPILING.kept += served
    return outputs


def _tensors(inputs: Sequence[np.ndarray | Tensor]) -> list[Tensor]:
    return [i if isinstance(i, Tensor) else Tensor(i) for i in inputs]


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
