"""The three attentions of the 3-D U-Net: over levels, over a frame, and linear over a frame.

Activations are frames (F, C, H, W), F = N Z with the level varying fastest.
"""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from mindcast.layers import initialise
from mindcast.layers.channel_norm import ChannelLayerNorm
from mindcast.layers.dense import Dense
from mindcast.layers.softmax import make_softmax
from mindcast.models.geodiff.blocks import FrameConv
from mindcast.models.geodiff.positions import bucket_table, rotation_matrices

INNER_HEAD = 32  # of the attentions within a frame, whatever the head size over levels is
LARGEST_ROTATED = 32
LOWEST = float(np.finfo(np.float32).min)


class Rotary(nn.Cell):
    """Turns feature pairs of every head by angles that grow with the level (Su et al. 2021).

    positions (Z,), one a level. scale multiplies the result.
    """

    def __init__(self, positions: np.ndarray, size: int, rotated: int, scale: float = 1.0) -> None:
        super().__init__()
        turns = scale * rotation_matrices(positions, size, rotated)
        self.turns = Tensor(turns[None].astype(np.float32))
        self.product = ops.BatchMatMul()

    def construct(self, x: Tensor) -> Tensor:
        """(N, Z, P, heads * size) -> the same shape."""
        n, z, size = x.shape[0], *self.turns.shape[1:3]
        turns = (self.turns * ops.ones((n, 1, 1, 1), x.dtype)).reshape(-1, size, size)
        return self.product(x.reshape(n * z, -1, size), turns).reshape(x.shape)


class RelativePositionBias(nn.Cell):
    """A learned number for every head and (bucketed) distance between two levels."""

    def __init__(self, levels: int, heads: int, buckets: int, max_distance: int) -> None:
        super().__init__()
        self.relative_attention_bias = _Table(buckets, heads)
        table = bucket_table(levels, buckets, max_distance)
        self.bucket = Tensor(table.reshape(-1).astype(np.int32))
        self.levels = levels

    def construct(self) -> Tensor:
        """(heads, Z, Z), query before key."""
        rows = ops.gather(self.relative_attention_bias.weight, self.bucket, 0)
        return rows.transpose(1, 0).reshape(-1, self.levels, self.levels)


class _Table(nn.Cell):
    def __init__(self, entries: int, width: int) -> None:
        super().__init__()
        self.weight = Parameter(initialise.normal((entries, width), 1.0))


class HeadAttention(nn.Cell):
    """Softmax attention of `heads` heads within sets of tokens; linear maps without bias."""

    def __init__(self, channels: int, heads: int, size: int) -> None:
        super().__init__()
        self.heads, self.size = heads, size
        self.to_qkv = Dense(channels, 3 * heads * size, bias=False)
        self.to_out = Dense(heads * size, channels, bias=False)
        self.softmax = make_softmax()
        self.times_transposed = ops.BatchMatMul(transpose_b=True)
        self.times = ops.BatchMatMul()


class LevelAttention(HeadAttention):
    """Every column of levels attends to itself, with rotary positions (Ho et al. 2022).

    focus: samples marked 1 see only their own level, that is, they keep their values.
    """

    def __init__(self, channels: int, heads: int, size: int, positions: np.ndarray) -> None:
        super().__init__(channels, heads, size)
        rotated = min(LARGEST_ROTATED, size)
        self.levels = len(positions)
        self.turn_query = Rotary(positions, size, rotated, size**-0.5)
        self.turn_key = Rotary(positions, size, rotated)
        others = LOWEST * (1.0 - np.eye(self.levels))
        self.others = Tensor(others.astype(np.float32).reshape(1, 1, 1, *others.shape))

    def construct(
        self, x: Tensor, bias: Tensor | None = None, focus: Tensor | None = None
    ) -> Tensor:
        """x (F, C, H, W), bias (heads, Z, Z), focus (N,) float -> like x."""
        f, c, h, w = x.shape
        z, p, n = self.levels, h * w, f // self.levels
        rows = self.to_qkv(x.reshape(f, c, p).transpose(0, 2, 1).reshape(-1, c))
        query, key, value = ops.split(rows.reshape(n, z, p, -1), self.heads * self.size, 3)
        query, key = self._columns(self.turn_query(query)), self._columns(self.turn_key(key))
        logits = self.times_transposed(query, key).reshape(n, p, self.heads, z, z)
        if bias is not None:
            logits = logits + bias
        if focus is not None:
            logits = logits + focus.reshape(n, 1, 1, 1, 1) * self.others
        weights = self.softmax(logits.astype(ms.float32)).astype(x.dtype)
        mixed = self.times(weights.reshape(-1, z, z), self._columns(value))
        mixed = mixed.reshape(n, p * self.heads, z, self.size).transpose(0, 2, 1, 3)
        out = self.to_out(mixed.reshape(f * p, -1))
        return out.reshape(f, p, c).transpose(0, 2, 1).reshape(f, c, h, w)

    def _columns(self, x: Tensor) -> Tensor:
        """(N, Z, P, heads * size) -> (N * P * heads, Z, size)."""
        n, z = x.shape[:2]
        return x.reshape(n, z, -1, self.size).transpose(0, 2, 1, 3).reshape(-1, z, self.size)


class FrameAttention(HeadAttention):
    """Every frame's positions attend to each other; positions do not enter."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__(channels, heads, INNER_HEAD)

    def construct(self, x: Tensor) -> Tensor:
        """(F, C, H, W) -> the same shape."""
        f, c, h, w = x.shape
        p = h * w
        rows = self.to_qkv(x.reshape(f, c, p).transpose(0, 2, 1).reshape(-1, c))
        query, key, value = ops.split(rows, self.heads * self.size, 1)
        query, key, value = self._heads(query, p), self._heads(key, p), self._heads(value, p)
        logits = self.times_transposed(query * self.size**-0.5, key)
        weights = self.softmax(logits.astype(ms.float32)).astype(x.dtype)
        mixed = self.times(weights, value).transpose(0, 2, 1, 3).reshape(f * p, -1)
        return self.to_out(mixed).reshape(f, p, c).transpose(0, 2, 1).reshape(f, c, h, w)

    def _heads(self, x: Tensor, p: int) -> Tensor:
        return x.reshape(-1, p, self.heads, self.size).transpose(0, 2, 1, 3)


class LinearAttention(nn.Cell):
    """Attention within a frame whose cost grows with its area only (Shen et al. 2021)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        width = heads * INNER_HEAD
        self.to_qkv = FrameConv(channels, 3 * width, 1, bias=False, planar=True)
        self.to_out = FrameConv(width, channels, 1, planar=True)
        self.softmax = make_softmax()
        self.times_transposed = ops.BatchMatMul(transpose_b=True)
        self.both_transposed_times = ops.BatchMatMul(transpose_a=True, transpose_b=True)

    def construct(self, x: Tensor) -> Tensor:
        """(F, C, H, W) -> the same shape."""
        f, _, h, w = x.shape
        qkv = self.to_qkv(x).reshape(f, 3 * self.heads, INNER_HEAD, h * w)
        query, key, value = ops.split(qkv, self.heads, 1)
        query = self.softmax(self._sets(query).transpose(0, 2, 1))  # over the features
        key = self.softmax(self._sets(key))  # over the positions
        context = self.times_transposed(key, self._sets(value)) * INNER_HEAD**-0.5
        return self.to_out(self.both_transposed_times(context, query).reshape(f, -1, h, w))

    def _sets(self, x: Tensor) -> Tensor:
        return x.reshape(-1, INNER_HEAD, x.shape[3])


class Residual(nn.Cell):
    """x + branch(x); in parameter names it is a `fn.`, as in the reference."""

    def __init__(self, channels: int, attention: nn.Cell, nested: bool) -> None:
        super().__init__()
        self.fn = _Normed(channels, _Nest(attention) if nested else attention)

    def construct(self, x: Tensor, *extra: Tensor | None) -> Tensor:
        """(F, C, H, W) -> the same shape; `extra` goes to the attention."""
        return x + self.fn(x, *extra)


class _Normed(nn.Cell):
    def __init__(self, channels: int, fn: nn.Cell) -> None:
        super().__init__()
        self.norm = ChannelLayerNorm(channels)
        self.fn = fn

    def construct(self, x: Tensor, *extra: Tensor | None) -> Tensor:
        return self.fn(self.norm(x), *extra)


class _Nest(nn.Cell):
    """One more `fn.` in the names, where the reference rearranges its tensors."""

    def __init__(self, fn: nn.Cell) -> None:
        super().__init__()
        self.fn = fn

    def construct(self, x: Tensor, *extra: Tensor | None) -> Tensor:
        return self.fn(x, *extra)
