"""Norms of the channel vector at every position of a stack of frames, channels first.

Sums over channels are products with a row of weights: on CPU seven times faster than reducing a
middle axis. Both have hand-written gradients; second derivatives are not defined.
"""

from __future__ import annotations

import math

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from mindcast.layers.device import on_cpu

SMALLEST_LENGTH = 1e-12


class ChannelLayerNorm(nn.Cell):
    """(x - mean) / sqrt(variance + eps) * gamma over the channels; no shift.

    `gamma` is (1, channels, 1, 1, 1), the reference's shape.
    """

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.gamma = Parameter(Tensor(np.ones((1, channels, 1, 1, 1), np.float32)))
        self.core = _ColumnLayerNorm(eps)

    def construct(self, x: Tensor) -> Tensor:
        """(F, channels, H, W) -> the same shape."""
        f, c = x.shape[:2]
        gain = self.gamma.reshape(1, c, 1) * ops.ones((f, 1, 1), x.dtype)
        return self.core(x.reshape(f, c, -1), gain)[0].reshape(x.shape)


class UnitRMS(nn.Cell):
    """x / max(|x|, 1e-12) * sqrt(channels) * gain, |x| the length of the channel vector.

    Zhang and Sennrich 2019 without the epsilon. The gain is a parameter of the cell around it:
    released weights differ in its name and shape.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.root = math.sqrt(channels)
        self.core = _ColumnUnitNorm()

    def construct(self, x: Tensor, gain: Tensor, factor: Tensor | None = None) -> Tensor:
        """(F, channels, H, W) -> the same shape, times `factor` (F, channels) where given.

        gain: `channels` numbers in any shape.
        """
        f, c = x.shape[:2]
        if factor is None:
            factor = ops.ones((f, 1), x.dtype)
        gain = (gain.reshape(1, c) * self.root * factor).reshape(f, c, 1)
        return self.core(x.reshape(f, c, -1), gain)[0].reshape(x.shape)


class _ChannelSum(nn.Cell):
    """sum_c weights[f, c] x[f, c, p]."""

    def __init__(self) -> None:
        super().__init__()
        self.by_product = on_cpu()  # elsewhere a product may round its factors first
        self.product = ops.BatchMatMul(transpose_a=True)
        self.sum = ops.ReduceSum(keep_dims=True)

    def construct(self, weights: Tensor, x: Tensor) -> Tensor:
        """weights (F, C, 1), x (F, C, P) -> (F, 1, P)."""
        return self.product(weights, x) if self.by_product else self.sum(weights * x, 1)


class _ColumnLayerNorm(nn.Cell):
    """y = (x - m) r gain, x (F, C, P), gain (F, C, 1); gives (y, m, r) for the gradient."""

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.channel_sum = _ChannelSum()
        self.row_sum = ops.ReduceSum(keep_dims=True)

    def construct(self, x: Tensor, gain: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        ones = _column(x.shape[0], x.shape[1])
        share = 1.0 / x.shape[1]
        mean = self.channel_sum(ones, x) * share
        centred = x - mean
        variance = self.channel_sum(ones, centred * centred) * share
        inverse_std = ops.rsqrt(variance + self.eps)
        return centred * inverse_std * gain, mean, inverse_std

    def bprop(self, x, gain, out, d_out):
        dy, mean, inverse_std = d_out[0], out[1], out[2]
        share = 1.0 / x.shape[1]
        normed = (x - mean) * inverse_std
        along = dy * normed
        level = self.channel_sum(gain, dy) * share
        slope = self.channel_sum(gain, along) * share
        dx = (dy * gain - level - normed * slope) * inverse_std
        return dx, self.row_sum(along, 2)


class _ColumnUnitNorm(nn.Cell):
    """y = x r gain, r = 1 / max(|x|, smallest), x (F, C, P), gain (F, C, 1); gives (y, r)."""

    def __init__(self) -> None:
        super().__init__()
        self.channel_sum = _ChannelSum()
        self.row_sum = ops.ReduceSum(keep_dims=True)

    def construct(self, x: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
        square = self.channel_sum(_column(x.shape[0], x.shape[1]), x * x)
        inverse = 1.0 / ops.maximum(ops.sqrt(square), SMALLEST_LENGTH)
        return x * inverse * gain, inverse

    def bprop(self, x, gain, out, d_out):
        dy, inverse = d_out[0], out[1]
        along = dy * x
        # a vector shorter than the smallest length is divided by a constant: no second term
        long = (inverse < 1.0 / SMALLEST_LENGTH).astype(x.dtype)
        slope = self.channel_sum(gain, along) * (inverse * inverse * long)
        dx = (dy * gain - x * slope) * inverse
        return dx, self.row_sum(along * inverse, 2)


@ms.constexpr
def _column(frames: int, channels: int) -> Tensor:
    return Tensor(np.ones((frames, channels, 1), np.float32))
