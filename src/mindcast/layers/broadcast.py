"""Arithmetic of tensors whose shapes differ, spread out first.

MindSpore's CPU operators that broadcast an input themselves build an index table of four times
their output and keep it as long as the graph lives; `broadcast_to` and an operator of equal shapes
take half the time and nothing lasting. On other devices the two forms are the same.
"""

from __future__ import annotations

from mindspore import Tensor, ops


def add(x: Tensor, y: Tensor) -> Tensor:
    """x + y, y of a shape that broadcasts to that of x."""
    return x + _like(x, y)


def multiply(x: Tensor, y: Tensor) -> Tensor:
    """x * y, y of a shape that broadcasts to that of x."""
    return x * _like(x, y)


def _like(x: Tensor, y: Tensor) -> Tensor:
    return y if x.shape == y.shape else ops.broadcast_to(y, x.shape)
