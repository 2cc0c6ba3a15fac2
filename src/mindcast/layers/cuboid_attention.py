"""Self-attention inside cuboids (Gao et al. 2022).

Tokens are kept as rows, (N * T * H * W, C), throughout a network: reshapes are free and the rank-2
kernels are the fast ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from mindcast.layers import cuboid_geometry as geometry
from mindcast.layers import initialise
from mindcast.layers.cuboid_patterns import Cuboid, Shape
from mindcast.layers.dense import Dense
from mindcast.layers.dropout import make_dropout
from mindcast.layers.norm import LayerNorm
from mindcast.layers.permute import make_permute
from mindcast.layers.row_gather import row_gather
from mindcast.layers.set_attention import SetAttention, fits
from mindcast.layers.softmax import BiasedSoftmax

BIAS_STD = 0.02
BLOCKED = 1e18


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
        back = geometry.return_index(shape, cut, options.padding)
        self.qkv = initialise.start_normal(Dense(channels, 3 * channels, options.qkv_bias))
        self.relative_position_bias_table = None
        if options.relative_position:
            offsets = math.prod(2 * b - 1 for b in cuboid.block)
            start = initialise.normal((offsets, options.heads), BIAS_STD)
            self.relative_position_bias_table = Parameter(start)
            self.offsets = _offsets(cuboid.block, self.volume)
        mask = geometry.attention_mask(shape, cut, options.padding)
        self.attention_dropout = options.attention_dropout
        self.add_attention(index, back, mask, options.qkv_bias)
        self.proj = self.projection_dropout = nn.Identity()
        if options.projection:
            self.proj = initialise.start_zero(Dense(channels, channels))
            self.projection_dropout = make_dropout(options.projection_dropout)

    def add_attention(
        self, index: np.ndarray, back: np.ndarray, mask: np.ndarray | None, qkv_bias: bool
    ) -> None:
        """In one kernel where there is one and cuboids hold every token once, else in parts."""
        self.whole = None
        empty_places_are_zero = not qkv_bias or bool((index < self.tokens).all())
        once = np.array_equal(np.sort(index[index < self.tokens]), np.arange(self.tokens))
        if once and empty_places_are_zero and fits(self.volume):
            blocked = None if mask is None else BLOCKED * (mask - 1.0)
            dropout = self.attention_dropout
            self.whole = SetAttention(self.heads, self.scale, blocked, dropout=dropout)
            self.members = Tensor(index.astype(np.int32))
            return
        self.add_parts(index, back, mask)

    def add_parts(self, index: np.ndarray, back: np.ndarray, mask: np.ndarray | None) -> None:
        """Moves, products and softmax, one by one."""
        self.to_cuboids = row_gather(index, self.tokens)
        self.to_grid = row_gather(back, index.size)
        self.mask = None if mask is None else penalty(mask)
        self.softmax = BiasedSoftmax(self.scale)
        self.dropout = make_dropout(self.attention_dropout)
        self.split_heads = SplitHeads(self.volume, self.heads)
        self.merge_heads = MergeHeads(self.channels)
        self.times_transposed = ops.BatchMatMul(transpose_b=True)
        self.times = ops.BatchMatMul()

    def construct(self, tokens: Tensor) -> Tensor:
        """(N * T * H * W, C) -> the same shape."""
        if self.whole is not None:
            qkv = self.qkv(self.norm(tokens)).reshape(-1, self.tokens, 3 * self.channels)
            mixed = self.whole(qkv, self.members, self.position_bias()).reshape(-1, self.channels)
            return self.projection_dropout(self.proj(mixed))
        query, key, value = ops.split(self.qkv(self.cuboid_rows(tokens)), self.channels, 1)
        scores = self.times_transposed(self.split_heads(query), self.split_heads(key))
        weights = self.dropout(self.softmax(scores, self.position_bias(), self.mask))
        return self.grid_rows(self.merge_heads(self.times(weights, self.split_heads(value))))

    def cuboid_rows(self, tokens: Tensor) -> Tensor:
        """Normed tokens in cuboid order: (N * cuboids * volume, C)."""
        normed = self.norm(tokens).reshape(-1, self.tokens, self.channels)
        return self.to_cuboids(normed).reshape(-1, self.channels)

    def grid_rows(self, rows: Tensor) -> Tensor:
        """Back to grid order and through the projection: (N * T * H * W, C)."""
        placed = rows.reshape(-1, self.cuboids * self.volume, self.channels)
        placed = self.to_grid(placed).reshape(-1, self.channels)
        return self.projection_dropout(self.proj(placed))

    def position_bias(self) -> Tensor | None:
        """(heads, volume, volume): a learned number per head and offset between two tokens."""
        if self.relative_position_bias_table is None:
            return None
        table = self.relative_position_bias_table.transpose(1, 0)
        return ops.gather(table, self.offsets, 1).reshape(-1, self.volume, self.volume)


class SplitHeads(nn.Cell):
    """(groups * length, heads * D) -> (groups, heads, length, D)."""

    def __init__(self, length: int, heads: int) -> None:
        super().__init__()
        self.length, self.heads = length, heads
        self.permute = make_permute(0, 2, 1, 3)

    def construct(self, rows: Tensor) -> Tensor:
        depth = rows.shape[1] // self.heads
        return self.permute(rows.reshape(-1, self.length, self.heads, depth))


class MergeHeads(nn.Cell):
    """The inverse of `SplitHeads`: (groups, heads, length, D) -> (rows, channels)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.permute = make_permute(0, 2, 1, 3)

    def construct(self, mixed: Tensor) -> Tensor:
        return self.permute(mixed).reshape(-1, self.channels)


def penalty(allowed: np.ndarray) -> Tensor:
    """What is added to the scores: 0 where a token may attend, else so low that exp gives 0.

    A row with every pair blocked comes out of the softmax uniform instead of 0; only padded cells
    have such rows, and their output is thrown away.
    """
    return Tensor((BLOCKED * (allowed - 1.0)).astype(np.float32))


def _offsets(block: Shape, volume: int) -> Tensor:
    """(volume * volume,): rows of the bias table.

    On a grid shorter than the configured block the cuboids have fewer tokens and use the corner of
    the block's index, whatever offsets it means: the released weights were trained so.
    """
    index = geometry.relative_position_index(block)[:volume, :volume]
    return Tensor(index.reshape(-1).astype(np.int32))
