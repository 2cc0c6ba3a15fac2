"""Attention from one sequence of frames to another, each pixel with itself (Gao et al. 2022)."""

from __future__ import annotations

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from mindcast.layers import initialise
from mindcast.layers.cuboid_attention import BIAS_STD, AttentionOptions
from mindcast.layers.dense import Dense
from mindcast.layers.dropout import make_dropout
from mindcast.layers.norm import LayerNorm
from mindcast.layers.permute import make_permute
from mindcast.layers.softmax import BiasedSoftmax


class FrameCrossAttention(nn.Cell):
    """Every pixel of `frames` frames asks the same pixel of `memory_frames` frames ("cross_1x1").

    The asking frames are normed, the memory is not; the residual is the caller's. The learned bias
    goes by the difference of the frames' numbers, which count from 0 in both sequences.
    options: as for self-attention; the projection at the end is always there.
    """

    def __init__(
        self, channels: int, frames: int, memory_frames: int, options: AttentionOptions
    ) -> None:
        super().__init__()
        self.channels, self.heads = channels, options.heads
        self.scale = options.qk_scale or (channels // options.heads) ** -0.5
        self.norm = LayerNorm(channels)
        self.q_proj = initialise.start_normal(Dense(channels, channels, options.qkv_bias))
        self.kv_proj = initialise.start_normal(Dense(channels, 2 * channels, options.qkv_bias))
        self.relative_position_bias_table = None
        if options.relative_position:
            furthest = frames + memory_frames - 1
            start = initialise.normal((2 * furthest + 1, options.heads), BIAS_STD)
            self.relative_position_bias_table = Parameter(start)
            offset = np.arange(frames)[:, None] - np.arange(memory_frames) + furthest
            self.offsets = Tensor(offset.reshape(-1).astype(np.int32))
        self.dropout = make_dropout(options.attention_dropout)
        self.proj = initialise.start_zero(Dense(channels, channels))
        self.projection_dropout = make_dropout(options.projection_dropout)
        self.softmax = BiasedSoftmax(self.scale)
        self.by_pixel = make_permute(0, 2, 3, 1, 4)
        self.by_frame = make_permute(0, 3, 1, 2, 4)
        self.times_transposed = ops.BatchMatMul(transpose_b=True)
        self.times = ops.BatchMatMul()

    def construct(self, x: Tensor, memory: Tensor) -> Tensor:
        """(N, T, H, W, C) and (N, memory T, H, W, C) -> the shape of `x`."""
        n, t, h, w, c = x.shape
        m, rows = memory.shape[1], memory.reshape(-1, self.channels)
        query = self._by_pixel(self.q_proj(self.norm(x.reshape(-1, c))), n, t)
        key, value = ops.split(self.kv_proj(rows), self.channels, 1)
        key, value = self._by_pixel(key, n, m), self._by_pixel(value, n, m)
        bias = None
        if self.relative_position_bias_table is not None:
            bias = ops.gather(self.relative_position_bias_table.transpose(1, 0), self.offsets, 1)
            bias = bias.reshape(self.heads, t, m)
        weights = self.dropout(self.softmax(self.times_transposed(query, key), bias))
        mixed = self.by_frame(self.times(weights, value).reshape(n, h * w, self.heads, t, -1))
        return self.projection_dropout(self.proj(mixed.reshape(-1, c))).reshape(x.shape)

    def _by_pixel(self, rows: Tensor, n: int, frames: int) -> Tensor:
        """(N * T * H * W, C) -> (N * H * W, heads, T, C / heads)."""
        depth = self.channels // self.heads
        split = self.by_pixel(rows.reshape(n, frames, -1, self.heads, depth))
        return split.reshape(-1, self.heads, frames, depth)
