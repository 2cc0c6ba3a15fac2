"""Softmax over the last axis, with a gradient that is cheap on the CPU."""

from __future__ import annotations

from mindspore import Tensor, nn, ops

from mindcast.layers.device import on_cpu


def make_softmax() -> nn.Cell:
    """A cell (..., K) -> the same shape, every row positive with the sum 1."""
    return _RowSoftmax() if on_cpu() else nn.Softmax()


class _RowSoftmax(nn.Cell):
    """The kernel's forward with a backward whose row sums are products with a column of ones.

    On CPU the operator's own gradient reduces and broadcasts rows, the dearest part of an
    attention. Second derivatives are not defined.
    """

    def __init__(self) -> None:
        super().__init__()
        self.product = ops.MatMul()

    def construct(self, x: Tensor) -> Tensor:
        return ops.softmax(x)

    def bprop(self, x, out, d_out):
        width = x.shape[-1]
        along = d_out * out
        sums = self.product(along.reshape(-1, width), ops.ones((width, 1), x.dtype))
        return (along - out * sums.reshape(*x.shape[:-1], 1),)
