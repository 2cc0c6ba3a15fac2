"""Norms of the channel vector at every position of a stack of frames, channels first.

On the CPU fused kernels; second derivatives through those are not defined.
"""

from __future__ import annotations

import math

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from mindcast.kernels.operators import in_use, kernel

SMALLEST_LENGTH = 1e-12


class ChannelLayerNorm(nn.Cell):
    """(x - mean) / sqrt(variance + eps) * gamma over the channels; no shift.

    `gamma` is (1, channels, 1, 1, 1), the reference's shape.
    """

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.gamma = Parameter(Tensor(np.ones((1, channels, 1, 1, 1), np.float32)))
        self.norm = _FusedLayerNorm(eps) if in_use() else _LayerNorm(eps)

    def construct(self, x: Tensor) -> Tensor:
        """(F, channels, H, W) -> the same shape."""
        columns = x.reshape(*x.shape[:2], -1).astype(ms.float32)
        return self.norm(columns, self.gamma.reshape(-1))[0].reshape(x.shape).astype(x.dtype)


class _LayerNorm(nn.Cell):
    """(F, C, P), (C,) -> (F, C, P)."""

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps = eps

    def construct(self, x: Tensor, gain: Tensor) -> tuple[Tensor, ...]:
        centred = x - x.mean(1, keep_dims=True)
        variance = (centred * centred).mean(1, keep_dims=True)
        return (centred * ops.rsqrt(variance + self.eps) * gain.reshape(1, -1, 1),)


class _FusedLayerNorm(nn.Cell):
    """The kernel; mean and inverse deviation follow for the gradient."""

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps = Tensor(np.float32([eps]))
        self.forward = kernel(
            "channel_layer_norm", lambda x, g, e: (x, (x[0], x[2]), (x[0], x[2])), 3
        )
        self.gradient = kernel(
            "channel_layer_norm_gradient", lambda x, g, m, r, d: (x, (x[0], x[1])), 2
        )

    def construct(self, x: Tensor, gain: Tensor) -> tuple[Tensor, ...]:
        return self.forward(x, gain, self.eps)

    def bprop(self, x, gain, out, d_out):
        dx, d_gain = self.gradient(x, gain, out[1], out[2], d_out[0])
        return dx, d_gain.sum(0)


class UnitRMS(nn.Cell):
    """act(x / max(|x|, 1e-12) * sqrt(channels) * gain + shift), |x| that of the channel vector.

    Zhang and Sennrich 2019 without the epsilon. The gain is a parameter of the cell around it:
    released weights differ in its name and shape. silu: act is SiLU, else nothing.
    """

    def __init__(self, channels: int, silu: bool = False) -> None:
        super().__init__()
        self.root = math.sqrt(channels)
        self.norm = _FusedUnitNorm(silu) if in_use() else _UnitNorm(silu)

    def construct(
        self, x: Tensor, gain: Tensor, factor: Tensor | None = None, shift: Tensor | None = None
    ) -> Tensor:
        """(F, channels, H, W) -> the same shape; `factor` (F, channels) multiplies the gain.

        gain: `channels` numbers in any shape. shift: (F, channels).
        """
        f, c = x.shape[:2]
        gains = ops.broadcast_to(gain.reshape(1, c).astype(ms.float32) * self.root, (f, c))
        if factor is not None:
            gains = gains * factor.astype(ms.float32)
        level = ops.zeros((f, c), ms.float32) if shift is None else shift.astype(ms.float32)
        y = self.norm(x.reshape(f, c, -1).astype(ms.float32), gains, level)[0]
        return y.reshape(x.shape).astype(x.dtype)


class _UnitNorm(nn.Cell):
    """(F, C, P), (F, C), (F, C) -> (F, C, P)."""

    def __init__(self, silu: bool) -> None:
        super().__init__()
        self.silu = silu

    def construct(self, x: Tensor, gain: Tensor, shift: Tensor) -> tuple[Tensor, ...]:
        f, c = gain.shape
        # the bound is put on the square: the root's slope at a vector of zeros is infinite
        squares = ops.maximum((x * x).sum(1, keepdims=True), SMALLEST_LENGTH**2)
        unit = x * ops.rsqrt(squares)
        y = unit * gain.reshape(f, c, 1) + shift.reshape(f, c, 1)
        return (ops.silu(y) if self.silu else y,)


class _FusedUnitNorm(nn.Cell):
    """The kernel; the inverse length follows for the gradient."""

    def __init__(self, silu: bool) -> None:
        super().__init__()
        self.silu = Tensor(np.float32([silu]))
        self.forward = kernel("channel_rms_norm", lambda x, g, s, a: (x, (x[0], x[2])), 2)
        self.gradient = kernel("channel_rms_norm_gradient", lambda x, g, s, a, r, d: (x, g, g), 3)

    def construct(self, x: Tensor, gain: Tensor, shift: Tensor) -> tuple[Tensor, ...]:
        return self.forward(x, gain, shift, self.silu)

    def bprop(self, x, gain, shift, out, d_out):
        return self.gradient(x, gain, shift, self.silu, out[1], d_out[0])
