"""The building blocks that context network and denoiser share (Ho et al. 2020; Yu et al. 2024)."""

from __future__ import annotations

import itertools

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from mindcast.layers.channel_norm import UnitRMS
from mindcast.layers.convolution import Conv2d
from mindcast.layers.dense import Dense
from mindcast.layers.norm import GroupNorm
from mindcast.layers.resample import SpaceToDepth, nearest_resize
from mindcast.layers.softmax import Softmax

GROUPS = 8
HEADS, HEAD_CHANNELS = 4, 32


class Block(nn.Cell):
    """Convolution, group norm, scale and shift where given, SiLU."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.proj = Conv2d(channels, out_channels, 3, padding=1)
        self.norm = GroupNorm(GROUPS, out_channels, silu=True)

    def construct(
        self, x: Tensor, factor: Tensor | None = None, shift: Tensor | None = None
    ) -> Tensor:
        """(N, channels, H, W), factor and shift (N, out_channels) -> (N, out_channels, H, W)."""
        return self.norm(self.proj(x), factor, shift)


class ResnetBlock(nn.Cell):
    """Two blocks and a skip; an embedding, if there is one, scales and shifts the first block.

    embedding: its width, or None. The skip is 1 x 1 where the channels change.
    """

    def __init__(self, channels: int, out_channels: int, embedding: int | None = None) -> None:
        super().__init__()
        self.mlp = None
        if embedding is not None:
            self.mlp = nn.SequentialCell(nn.SiLU(), Dense(embedding, 2 * out_channels))
        self.block1 = Block(channels, out_channels)
        self.block2 = Block(out_channels, out_channels)
        same = channels == out_channels
        self.res_conv = nn.Identity() if same else Conv2d(channels, out_channels, 1)

    def construct(self, x: Tensor, embedding: Tensor | None = None) -> Tensor:
        """(N, channels, H, W), (N, embedding) -> (N, out_channels, H, W)."""
        factor, shift = None, None
        if self.mlp is not None:
            scale, shift = ops.chunk(self.mlp(embedding), 2, 1)
            factor = scale + 1
        return self.block2(self.block1(x, factor, shift)) + self.res_conv(x)


class RMSNorm(nn.Cell):
    """RMS norm over the channels with the gain `g`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.g = Parameter(Tensor(np.ones((1, channels, 1, 1), np.float32)))
        self.unit = UnitRMS(channels)

    def construct(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> the same shape."""
        return self.unit(x, self.g)


class PreNorm(nn.Cell):
    """fn of the RMS-normalised input."""

    def __init__(self, channels: int, fn: nn.Cell) -> None:
        super().__init__()
        self.fn = fn
        self.norm = RMSNorm(channels)

    def construct(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> the same shape."""
        return self.fn(self.norm(x))


class Residual(nn.Cell):
    """x + fn(norm(x)) for an attention `fn` over images of `channels` channels."""

    def __init__(self, channels: int, fn: nn.Cell) -> None:
        super().__init__()
        self.fn = PreNorm(channels, fn)

    def construct(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> the same shape."""
        return x + self.fn(x)


class PixelAttention(nn.Cell):
    """Multi-head attention (Vaswani et al. 2017) of every pixel to every pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = HEADS * HEAD_CHANNELS
        self.to_qkv = Conv2d(channels, 3 * inner, 1, bias=False)
        self.to_out = Conv2d(inner, channels, 1)
        self.softmax = Softmax(HEAD_CHANNELS**-0.5)
        self.scores = ops.BatchMatMul(transpose_a=True)
        self.mix = ops.BatchMatMul(transpose_b=True)

    def construct(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> the same shape."""
        n, _, h, w = x.shape
        qkv = self.to_qkv(x).reshape(n, 3, HEADS, HEAD_CHANNELS, h * w)
        query, key, value = qkv[:, 0], qkv[:, 1], qkv[:, 2]  # (N, heads, d, pixels)
        mixed = self.mix(value, self.softmax(self.scores(query, key)))
        return self.to_out(mixed.reshape(n, -1, h, w))


class DoubleSize(nn.Cell):
    """Every pixel four times."""

    def construct(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, 2 H, 2 W)."""
        return nearest_resize(x, 2 * x.shape[2], 2 * x.shape[3])


def downsample(channels: int, out_channels: int) -> nn.Cell:
    """(N, channels, H, W) -> (N, out_channels, H / 2, W / 2), no pixel left out."""
    return nn.SequentialCell(SpaceToDepth(2), Conv2d(4 * channels, out_channels, 1))


def upsample(channels: int, out_channels: int) -> nn.Cell:
    """(N, channels, H, W) -> (N, out_channels, 2 H, 2 W)."""
    return nn.SequentialCell(DoubleSize(), Conv2d(channels, out_channels, 3, padding=1))


def level_pairs(dim: int, multiples: tuple[int, ...]) -> list[tuple[int, int]]:
    """(channels in, channels out) of every level, finest first, for `dim` channels at the start."""
    widths = [dim, *(dim * multiple for multiple in multiples)]
    return list(itertools.pairwise(widths))
