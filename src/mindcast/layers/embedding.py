"""Embeddings of the diffusion step and of positions on the grid."""

from __future__ import annotations

import math

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from mindcast.layers import initialise
from mindcast.layers.broadcast import add
from mindcast.layers.cuboid_patterns import Shape
from mindcast.layers.dense import Dense

LONGEST_PERIOD = 10000
POSITION_STD = 0.02


class SinusoidalEmbedding(nn.Cell):
    """[cos(t f), sin(t f), 0 if the width is odd], f_k = 10000^(-k / (width // 2))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        # The exponent is rounded to float32 before exp as in the reference: at t = 999 the last
        # bit of a frequency moves the angle by 6e-5.
        exponent = (-math.log(LONGEST_PERIOD) * np.arange(half, dtype=np.float32)) / half
        frequency = np.exp(exponent.astype(np.float64)).astype(np.float32)
        self.frequency = Tensor(frequency[None])
        self.odd = width % 2 == 1

    def construct(self, t: Tensor) -> Tensor:
        """(N,) whole steps -> (N, width) float32."""
        angle = t.astype(ms.float32).reshape(-1, 1) * self.frequency
        parts = (ops.cos(angle), ops.sin(angle))
        if self.odd:
            parts = (*parts, ops.zeros((t.shape[0], 1), ms.float32))
        return ops.cat(parts, 1)


class SinesThenCosines(nn.Cell):
    """[sin(p f), cos(p f)], f_k = 10000^(-k / (width / 2 - 1)) (Vaswani et al. 2017, sec. 3.5).

    Unlike `SinusoidalEmbedding` the slowest frequency is 1/10000 exactly. width: even, at least 4.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        step = np.float32(-math.log(LONGEST_PERIOD) / (half - 1))  # rounded as in the reference
        exponent = np.arange(half, dtype=np.float32) * step
        self.frequency = Tensor(np.exp(exponent.astype(np.float64)).astype(np.float32)[None])

    def construct(self, p: Tensor) -> Tensor:
        """(N,) whole numbers -> (N, width) float32."""
        angle = p.astype(ms.float32).reshape(-1, 1) * self.frequency
        return ops.cat((ops.sin(angle), ops.cos(angle)), 1)


class TimeEmbedding(nn.Cell):
    """The step's sinusoid of `base` entries through Linear, SiLU, Linear to `width` entries."""

    def __init__(self, base: int, width: int) -> None:
        super().__init__()
        self.sinusoid = SinusoidalEmbedding(base)
        self.layer = nn.SequentialCell(Dense(base, width), nn.SiLU(), Dense(width, width))

    def construct(self, t: Tensor) -> Tensor:
        """(N,) whole steps -> (N, width)."""
        return self.layer(self.sinusoid(t))


class Table(nn.Cell):
    """A learned vector per index."""

    def __init__(self, entries: int, channels: int) -> None:
        super().__init__()
        self.weight = Parameter(initialise.normal((entries, channels), POSITION_STD))


class SeparablePositions(nn.Cell):
    """Adds one learned vector per frame, per row and per column ("t+h+w")."""

    def __init__(self, channels: int, shape: Shape) -> None:
        super().__init__()
        self.T_embed = Table(shape[0], channels)
        self.H_embed = Table(shape[1], channels)
        self.W_embed = Table(shape[2], channels)

    def construct(self, x: Tensor) -> Tensor:
        """(N, T, H, W, C), no larger than the tables -> the same shape."""
        _, t, h, w, c = x.shape
        frames = self.T_embed.weight[:t].reshape(t, 1, 1, c)
        rows = self.H_embed.weight[:h].reshape(1, h, 1, c)
        columns = self.W_embed.weight[:w].reshape(1, 1, w, c)
        return add(x, add(add(ops.broadcast_to(frames, (t, h, w, c)), rows), columns))


class FramePositions(nn.Cell):
    """Adds one learned vector per frame and one per cell of the frame ("t+hw")."""

    def __init__(self, channels: int, shape: Shape) -> None:
        super().__init__()
        self.frame = shape[1:]
        self.T_embed = Table(shape[0], channels)
        self.HW_embed = Table(shape[1] * shape[2], channels)

    def construct(self, x: Tensor) -> Tensor:
        """(N, T, H, W, C), no larger than the tables -> the same shape."""
        _, t, h, w, c = x.shape
        cells = self.HW_embed.weight.reshape(*self.frame, c)[:h, :w]
        frames = self.T_embed.weight[:t].reshape(t, 1, 1, c)
        return add(x, add(ops.broadcast_to(frames, (t, h, w, c)), cells))


POSITION_EMBEDDINGS = {"t+h+w": SeparablePositions, "t+hw": FramePositions}
