"""Coarser and finer grids: patch merging and upsampling."""

from __future__ import annotations

import math

from mindspore import Tensor, nn

from mindcast.layers import cuboid_geometry as geometry
from mindcast.layers import initialise
from mindcast.layers.convolution import Conv2d
from mindcast.layers.cuboid_patterns import Shape
from mindcast.layers.dense import Dense
from mindcast.layers.norm import LayerNorm
from mindcast.layers.permute import make_permute
from mindcast.layers.resample import nearest_resize
from mindcast.layers.row_gather import row_gather


class PatchMerging(nn.Cell):
    """Gathers patches into channels (offsets slowest), norms them and maps them linearly.

    shape: (T, H, W) coming in, padded at the end to whole patches of `factors`.
    """

    def __init__(
        self, channels: int, out_channels: int, shape: Shape, factors: Shape, padding: str
    ) -> None:
        super().__init__()
        width = math.prod(factors) * channels
        index = geometry.patch_index(shape, factors, padding)
        padded = geometry.padded_shape(shape, factors)
        self.tokens = math.prod(shape)
        self.channels = channels
        self.width = width
        self.out_shape = (*(p // f for p, f in zip(padded, factors, strict=True)), out_channels)
        self.to_patches = row_gather(index, self.tokens)
        self.norm = LayerNorm(width)
        self.reduction = initialise.start_normal(Dense(width, out_channels, bias=False))

    def construct(self, x: Tensor) -> Tensor:
        """(N, T, H, W, C) -> (N, T', H', W', C')."""
        patches = self.to_patches(x.reshape(-1, self.tokens, self.channels))
        rows = self.norm(patches.reshape(-1, self.width))
        return self.reduction(rows).reshape(-1, *self.out_shape)


class FrameUpsample(nn.Cell):
    """Each frame alone: nearest resize to `frame` (H', W'), then a convolution."""

    def __init__(
        self, channels: int, out_channels: int, frame: tuple[int, int], kernel: int = 3
    ) -> None:
        super().__init__()
        self.height, self.width = frame
        self.channels_first = make_permute(0, 3, 1, 2)
        self.channels_last = make_permute(0, 2, 3, 1)
        self.conv = Conv2d(channels, out_channels, kernel, padding=kernel // 2)

    def construct(self, x: Tensor) -> Tensor:
        """(N, T, H, W, C) -> (N, T, H', W', C')."""
        n, t, h, w, c = x.shape
        frames = self.of_frames(self.channels_first(x.reshape(n * t, h, w, c)))
        return self.channels_last(frames).reshape(n, t, self.height, self.width, -1)

    def of_frames(self, frames: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H', W')."""
        return self.conv(nearest_resize(frames, self.height, self.width))
