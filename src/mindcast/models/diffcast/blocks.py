"""The building blocks that context network and denoiser share (Ho et al. 2020; Yu et al. 2024)."""

from __future__ import annotations

import itertools

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from mindcast.layers.channel_norm import UnitRMS
from mindcast.layers.convolution import Conv2d
from mindcast.layers.dense import Dense
from mindcast.layers.norm import GroupNorm
from mindcast.layers.resample import nearest_resize, space_to_depth

GROUPS = 8
HEADS, HEAD_CHANNELS = 4, 32


class Block(nn.Cell):
    """Convolution, group norm, scale and shift where given, SiLU."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.proj = Conv2d(channels, out_channels, 3, padding=1)
        self.norm = GroupNorm(GROUPS, out_channels)

    def construct(
        self, x: Tensor, scale: Tensor | None = None, shift: Tensor | None = None
    ) -> Tensor:
        """(N, channels, H, W), scale and shift (N, out_channels, 1, 1) -> (N, out_channels, H, W).

        The factor is 1 + scale.
        """
        x = self.norm(self.proj(x))
        if scale is not None:
            x = x * (scale + 1) + shift
        return ops.silu(x)


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
        scale, shift = None, None
        if self.mlp is not None:
            both = self.mlp(embedding)
            both = both.reshape(*both.shape, 1, 1)
            half = both.shape[1] // 2
            scale, shift = both[:, :half], both[:, half:]
        return self.block2(self.block1(x, scale, shift)) + self.res_conv(x)


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
        self.scale = HEAD_CHANNELS**-0.5
        self.scores = ops.BatchMatMul(transpose_a=True)
        self.mix = ops.BatchMatMul(transpose_b=True)

    def construct(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> the same shape."""
        n, _, h, w = x.shape
        qkv = self.to_qkv(x).reshape(n, 3, HEADS, HEAD_CHANNELS, h * w)
        query, key, value = qkv[:, 0], qkv[:, 1], qkv[:, 2]  # (N, heads, d, pixels)
        scores = self.scores(query * self.scale, key)
        weights = ops.softmax(scores.astype(ms.float32)).astype(scores.dtype)
        mixed = self.mix(value, weights)
        return self.to_out(mixed.reshape(n, -1, h, w))


class SpaceToDepth(nn.Cell):
    """Blocks of 2 x 2 pixels to channels."""

    def construct(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, 4 C, H / 2, W / 2)."""
        return space_to_depth(x, 2)


class DoubleSize(nn.Cell):
    """Every pixel four times."""

    def construct(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, 2 H, 2 W)."""
        return nearest_resize(x, 2 * x.shape[2], 2 * x.shape[3])


def downsample(channels: int, out_channels: int) -> nn.Cell:
    """(N, channels, H, W) -> (N, out_channels, H / 2, W / 2), no pixel left out."""
    return nn.SequentialCell(SpaceToDepth(), Conv2d(4 * channels, out_channels, 1))


def upsample(channels: int, out_channels: int) -> nn.Cell:
    """(N, channels, H, W) -> (N, out_channels, 2 H, 2 W)."""
    return nn.SequentialCell(DoubleSize(), Conv2d(channels, out_channels, 3, padding=1))


def level_pairs(dim: int, multiples: tuple[int, ...]) -> list[tuple[int, int]]:
    """(channels in, channels out) of every level, finest first, for `dim` channels at the start."""
    widths = [dim, *(dim * multiple for multiple in multiples)]
    return list(itertools.pairwise(widths))
