"""Convolutions of stride 1 on the CPU: the kernels, which keep no unfolded copy of the image."""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.kernels.operators import Shape, in_use, kernel

Three = tuple[int, int, int]


def fused_convolution(
    padding: Three, steps: Three = (1, 1, 1), groups: int = 1
) -> FusedConvolution | None:
    """The kernels as a cell; None where there are none."""
    return FusedConvolution(padding, steps, groups) if in_use() else None


class FusedConvolution(nn.Cell):
    """Images or volumes with zeros around them, a weight, a bias; differentiable once.

    padding: zeros on both sides, steps: between the taps (the dilation), both along (T, H, W).
    """

    def __init__(self, padding: Three, steps: Three = (1, 1, 1), groups: int = 1) -> None:
        super().__init__()
        self.core = _Kernels(padding, steps, groups)
        self.nothing = Tensor(np.zeros(1, np.float32))

    def construct(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """x (N, C, H, W) or (N, C, T, H, W), weight (O, C / groups, taps), bias (O,), float32.

        Taps of images may have the axis T, of length 1.
        """
        return self.core(x, weight, self.nothing if bias is None else bias)


class _Kernels(nn.Cell):
    """A bias of shape (1,) stands for none."""

    def __init__(self, padding: Three, steps: Three, groups: int) -> None:
        super().__init__()
        self.options = Tensor(np.float32([groups, *padding, *steps]))

        def output(x: Shape, weight: Shape, bias: Shape, options: Shape) -> Shape:
            return (
                x[0],
                weight[0],
                *(n - k for n, k in zip(x[2:], shrinking(x, weight), strict=True)),
            )

        def input_(dy: Shape, weight: Shape, options: Shape) -> Shape:
            axes = zip(dy[2:], shrinking(dy, weight), strict=True)
            return (dy[0], groups * weight[1], *(n + k for n, k in axes))

        def shrinking(x: Shape, weight: Shape) -> list[int]:
            """By how much each of the image's axes becomes shorter."""
            axes = len(x) - 2
            taps = zip(weight[-axes:], padding[-axes:], steps[-axes:], strict=True)
            return [s * (k - 1) - 2 * p for k, p, s in taps]

        sizes = (padding, steps, groups)
        self.forward = kernel("convolution", output, sizes=sizes)
        self.to_input = kernel("convolution_input_gradient", input_, sizes=sizes)
        self.to_weights = kernel("convolution_weights", lambda x, d, w, o: (w, w[:1]), 2)

    def construct(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return self.forward(x, weight, bias, self.options)

    def bprop(self, x, weight, bias, out, d_out):
        dx = self.to_input(d_out, weight, self.options)
        dw, db = self.to_weights(x, d_out, weight, self.options)
        if bias.shape != db.shape:
            db = ops.zeros_like(bias)
        return dx, dw, db
