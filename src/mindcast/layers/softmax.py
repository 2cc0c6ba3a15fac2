"""Softmax over the last axis, alone or with what attention adds to its scores."""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.kernels.operators import in_use, kernel


class Softmax(nn.Cell):
    """softmax(scale x), computed in float32."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        self.fused = _FusedSoftmax(scale) if in_use() else None

    def construct(self, x: Tensor) -> Tensor:
        """(..., K) -> the same shape, every row positive with the sum 1."""
        scores = x.astype(ms.float32)
        if self.fused is None:
            return ops.softmax(scores * self.scale).astype(x.dtype)
        return self.fused(scores.reshape(1, 1, -1, x.shape[-1])).reshape(x.shape).astype(x.dtype)


class BiasedSoftmax(nn.Cell):
    """softmax(scale x + bias + mask), computed in float32."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        self.fused = _FusedBiasedSoftmax(scale) if in_use() else None
        self.nothing = Tensor(np.zeros(1, np.float32))

    def construct(
        self, x: Tensor, bias: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """(G, H, L, K), bias (H, L, K), mask (M, L, K), M dividing G -> the same shape.

        The mask repeats along the first axis; it is a constant (no gradient).
        """
        scores = x.astype(ms.float32)
        if self.fused is not None:
            bias = self.nothing if bias is None else bias.astype(ms.float32)
            mask = self.nothing if mask is None else mask
            return self.fused(scores, bias, mask).astype(x.dtype)
        scores = scores * self.scale
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            sets = scores.reshape(-1, mask.shape[0], *x.shape[1:])
            scores = (sets + mask.reshape(mask.shape[0], 1, *mask.shape[1:])).reshape(x.shape)
        return ops.softmax(scores).astype(x.dtype)


class _Kernels(nn.Cell):
    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = Tensor(np.float32([scale]))
        self.nothing = Tensor(np.zeros(1, np.float32))
        self.forward = kernel("biased_softmax", lambda x, b, m, s: x)


class _FusedSoftmax(_Kernels):
    """(1, 1, rows, K) -> the same shape."""

    def __init__(self, scale: float) -> None:
        super().__init__(scale)
        self.gradient = kernel("softmax_gradient", lambda y, d, s: y)

    def construct(self, x: Tensor) -> Tensor:
        return self.forward(x, self.nothing, self.nothing, self.scale)

    def bprop(self, x, out, d_out):
        return (self.gradient(out, d_out, self.scale),)


class _FusedBiasedSoftmax(_Kernels):
    """(G, H, L, K), (H, L, K) or (1,), (M, L, K) or (1,) -> (G, H, L, K)."""

    def __init__(self, scale: float) -> None:
        super().__init__(scale)
        self.gradient = kernel("biased_softmax_gradient", lambda y, d, s: (y, y[1:]), 2)

    def construct(self, x: Tensor, bias: Tensor, mask: Tensor) -> Tensor:
        return self.forward(x, bias, mask, self.scale)

    def bprop(self, x, bias, mask, out, d_out):
        dx, d_bias = self.gradient(out, d_out, self.scale)
        if bias.ndim == 1:
            d_bias = ops.zeros_like(bias)
        return dx, d_bias, ops.zeros_like(mask)
