"""Convolutions of stride 1 on the CPU: the kernels, which keep no unfolded copy of the image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.kernels.operators import Shape, kernel

Three = tuple[int, int, int]


class FusedConvolution(nn.Cell):
    """Images or volumes with zeros around them, a weight, a bias; differentiable once.

    padding: zeros on both sides, steps: between the taps (the dilation), both along (T, H, W).
    """

    def __init__(self, padding: Three, steps: Three = (1, 1, 1), groups: int = 1) -> None:
        super().__init__()
        self.core = _Kernels(padding, steps, groups)
        self.nothing = Tensor(np.zeros(1, np.float32))

    def construct(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """x (N, C, H, W) or (N, C, T, H, W), weight (O, C / groups, taps), bias (O,), float32."""
        images = x.ndim == 4
        if images:
            x, weight = x.expand_dims(2), weight.reshape(*weight.shape[:2], 1, *weight.shape[-2:])
        y = self.core(x, weight, self.nothing if bias is None else bias)
        return y.reshape(*y.shape[:2], *y.shape[3:]) if images else y


class _Kernels(nn.Cell):
    """x (N, C, T, H, W), weight (O, C / groups, KT, KH, KW), bias (O,) or (1,)."""

    def __init__(self, padding: Three, steps: Three, groups: int) -> None:
        super().__init__()
        self.options = Tensor(np.float32([groups, *padding, *steps]))
        self.forward = kernel("convolution", _output_shape(padding, steps))
        self.to_input = kernel(
            "convolution_input_gradient", _input_shape(padding, steps, groups)
        )
        self.to_weights = kernel("convolution_weights", lambda x, d, w, o: (w, w[:1]), 2)

    def construct(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return self.forward(x, weight, bias, self.options)

    def bprop(self, x, weight, bias, out, d_out):
        dx = self.to_input(d_out, weight, self.options)
        dw, db = self.to_weights(x, d_out, weight, self.options)
        if bias.shape != db.shape:
            db = ops.zeros_like(bias)
        return dx, dw, db


def _output_shape(padding: Three, steps: Three) -> Callable[..., Shape]:
    def shape(x: Shape, weight: Shape, bias: Shape, options: Shape) -> Shape:
        axes = zip(x[2:], weight[2:], padding, steps, strict=True)
        return (x[0], weight[0], *(n + 2 * p - s * (k - 1) for n, k, p, s in axes))

    return shape


def _input_shape(padding: Three, steps: Three, groups: int) -> Callable[..., Shape]:
    def shape(dy: Shape, weight: Shape, options: Shape) -> Shape:
        axes = zip(dy[2:], weight[2:], padding, steps, strict=True)
        sizes = (n - 2 * p + s * (k - 1) for n, k, p, s in axes)
        return (dy[0], groups * weight[1], *sizes)

    return shape
