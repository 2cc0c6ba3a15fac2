"""A kernel of the library as a MindSpore operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import mindspore as ms
from mindspore import ops

from mindcast.kernels.build import library

Shape = tuple[int, ...]

_wanted = True  # `public_operators` alone changes it


@contextmanager
def public_operators() -> Iterator[None]:
    """Layers that are made inside do without kernels, whose gradients have no gradient."""
    global _wanted
    before, _wanted = _wanted, False
    try:
        yield
    finally:
        _wanted = before


def in_use() -> bool:
    """Whether operators made now will run on the CPU, with kernels that this machine could build.

    Asked at construction: a network keeps the form that it was built with.
    """
    return _wanted and ms.get_context("device_target") == "CPU" and library() is not None


def kernel(
    name: str, shapes: Callable[..., Any], outputs: int = 1, sizes: tuple[Any, ...] = ()
) -> ops.Custom:
    """The function `name` of the library as an operator of float32 tensors.

    shapes: from the shapes of the inputs to that of the output, or to a tuple of those of several.
    sizes: all else that `shapes` depends on; MindSpore takes operators of the same name and
    attributes for the same. The operator has no gradient: the cell around it defines `bprop`.
    """
    types = ms.float32 if outputs == 1 else (ms.float32,) * outputs
    operator = ops.Custom(f"{library()}:{name}", shapes, types, func_type="aot")
    operator.add_prim_attr("sizes", repr(sizes))
    return operator
