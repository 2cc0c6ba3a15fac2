"""Self-attention inside cuboids (Gao et al. 2022).

Tokens are kept as rows, (N * T * H * W, C), throughout a network: reshapes are free and the rank-2
kernels are the fast ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from mindcast.layers import cuboid_geometry as geometry
from mindcast.layers import initialise
from mindcast.layers.cuboid_patterns import Cuboid, Shape
from mindcast.layers.dense import Dense
from mindcast.layers.dropout import make_dropout
from mindcast.layers.norm import LayerNorm
from mindcast.layers.row_gather import row_gather

BIAS_STD = 0.02
BLOCKED = 1e18
BLOCKED_HALF = 1e4  # float16 ends at 65504


@dataclass(frozen=True)
class AttentionOptions:
    """What all attention layers of a stack share.

    padding: "zeros" and "nearest" cells take part in attention, "ignore" cells do not.
    qk_scale: factor of the scores, by default 1/sqrt(channels of a head).
    relative_position: learned bias per head and offset; projection: linear map at the end.
    """

    heads: int
    padding: str = "zeros"
    qkv_bias: bool = False
    qk_scale: float | None = None
    attention_dropout: float = 0.0
    projection_dropout: float = 0.0
    relative_position: bool = True
    projection: bool = True


class CuboidSelfAttention(nn.Cell):
    """Layer norm, then attention within each cuboid; the residual is the caller's.

    channels: C, a multiple of the heads. shape: (T, H, W) of the grid.
    """

    def __init__(
        self, channels: int, shape: Shape, cuboid: Cuboid, options: AttentionOptions
    ) -> None:
        super().__init__()
        cut = geometry.effective(cuboid, shape)
        index = geometry.gather_index(shape, cut, options.padding)
        self.channels = channels
        self.heads = options.heads
        self.tokens = math.prod(shape)
        self.cuboids, self.volume = index.shape
        self.scale = options.qk_scale or (channels // options.heads) ** -0.5
        self.norm = LayerNorm(channels)
        self.to_cuboids = row_gather(index, self.tokens)
        self.to_grid = row_gather(geometry.return_index(shape, cut, options.padding), index.size)
        self.qkv = initialise.start_normal(Dense(channels, 3 * channels, options.qkv_bias))
        self.relative_position_bias_table = None
        if options.relative_position:
            offsets = math.prod(2 * b - 1 for b in cuboid.block)
            start = initialise.normal((offsets, options.heads), BIAS_STD)
            self.relative_position_bias_table = Parameter(start)
            self.offsets = _offsets(cuboid.block, self.volume)
        self.mask = _penalty(geometry.attention_mask(shape, cut, options.padding))
        self.dropout = make_dropout(options.attention_dropout)
        self.proj = self.projection_dropout = nn.Identity()
        if options.projection:
            self.proj = initialise.start_zero(Dense(channels, channels))
            self.projection_dropout = make_dropout(options.projection_dropout)
        self.times_transposed = ops.BatchMatMul(transpose_b=True)
        self.times = ops.BatchMatMul()

    def construct(self, tokens: Tensor) -> Tensor:
        """(N * T * H * W, C) -> the same shape."""
        query, key, value = self.split_heads(self.qkv(self.cuboid_rows(tokens)))
        weights = self.dropout(ops.softmax(self.scores(query, key)))
        return self.grid_rows(self.merge_heads(self.times(weights, value)))

    def cuboid_rows(self, tokens: Tensor) -> Tensor:
        """Normed tokens in cuboid order: (N * cuboids * volume, C)."""
        normed = self.norm(tokens).reshape(-1, self.tokens, self.channels)
        return self.to_cuboids(normed).reshape(-1, self.channels)

    def grid_rows(self, rows: Tensor) -> Tensor:
        """Back to grid order and through the projection: (N * T * H * W, C)."""
        placed = rows.reshape(-1, self.cuboids * self.volume, self.channels)
        placed = self.to_grid(placed).reshape(-1, self.channels)
        return self.projection_dropout(self.proj(placed))

    def split_heads(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(rows, 3 C) -> query, key and value (N * cuboids, heads, volume, C / heads)."""
        query, key, value = ops.split(qkv, self.channels, 1)
        return (
            by_head(query, self.volume, self.heads),
            by_head(key, self.volume, self.heads),
            by_head(value, self.volume, self.heads),
        )

    def merge_heads(self, mixed: Tensor) -> Tensor:
        """The inverse of `by_head`: (rows, C)."""
        return mixed.transpose(0, 2, 1, 3).reshape(-1, self.channels)

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """(N * cuboids, heads, volume, volume), before the softmax."""
        scores = self.times_transposed(query, key) * self.scale
        if self.relative_position_bias_table is not None:
            scores = scores + self.position_bias().astype(scores.dtype)
        if self.mask is not None:
            scores = masked(scores, self.mask)
        return scores

    def position_bias(self) -> Tensor:
        """(heads, volume, volume): a learned number per head and offset between two tokens."""
        table = self.relative_position_bias_table.transpose(1, 0)
        return ops.gather(table, self.offsets, 1).reshape(-1, self.volume, self.volume)


def by_head(rows: Tensor, length: int, heads: int) -> Tensor:
    """(groups * length, heads * D) -> (groups, heads, length, D)."""
    return rows.reshape(-1, length, heads, rows.shape[1] // heads).transpose(0, 2, 1, 3)


def masked(scores: Tensor, penalty: Tensor) -> Tensor:
    """Scores (N * cuboids, ...) with blocked pairs so low that the softmax gives them exactly 0.

    penalty: (cuboids, ...), 0 or -1, repeating along the first axis of the scores. A row with
    every pair blocked comes out of the softmax uniform instead of 0; only padded cells have such
    rows, and their output is thrown away.
    """
    blocked = BLOCKED_HALF if scores.dtype == ms.float16 else BLOCKED
    grouped = scores.reshape(-1, penalty.shape[0], *scores.shape[1:])
    return (grouped + penalty.astype(scores.dtype) * blocked).reshape(scores.shape)


def _penalty(mask: np.ndarray | None) -> Tensor | None:
    """(cuboids, 1, volume, volume): 0 where a token may attend, -1 where not."""
    return None if mask is None else Tensor(mask[:, None].astype(np.float32) - 1.0)


def _offsets(block: Shape, volume: int) -> Tensor:
    """(volume * volume,): rows of the bias table.

    On a grid shorter than the configured block the cuboids have fewer tokens and use the corner of
    the block's index, whatever offsets it means: the released weights were trained so.
    """
    index = geometry.relative_position_index(block)[:volume, :volume]
    return Tensor(index.reshape(-1).astype(np.int32))
