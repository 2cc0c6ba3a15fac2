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
from mindcast.layers.permute import make_permute
from mindcast.layers.set_attention import SetAttention, fits
from mindcast.layers.softmax import BiasedSoftmax, Softmax
from mindcast.models.geodiff.blocks import FrameConv
from mindcast.models.geodiff.positions import bucket_table, rotation_matrices

INNER_HEAD = 32  # of the attentions within a frame, whatever the head size over levels is
LARGEST_ROTATED = 32
LOWEST = float(np.finfo(np.float32).min)


class Rotary(nn.Cell):
    """Turns feature pairs of every head by angles that grow with the level (Su et al. 2021).

    turns (Z, size, size): a rotation of row vectors a level.
    """

    def __init__(self, turns: np.ndarray) -> None:
        super().__init__()
        self.turns = Tensor(turns[None].astype(np.float32))
        self.product = ops.BatchMatMul()

    def construct(self, x: Tensor) -> Tensor:
        """(N, Z, P, heads * size) -> the same shape."""
        n, z, size = x.shape[0], *self.turns.shape[1:3]
        turns = ops.broadcast_to(self.turns, (n, z, size, size)).reshape(-1, size, size)
        return self.product(x.reshape(n * z, -1, size), turns.astype(x.dtype)).reshape(x.shape)


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
        self.to_rows = make_permute(0, 2, 1)
        self.to_frames = make_permute(0, 2, 1)
        self.softmax = BiasedSoftmax(size**-0.5)
        self.times_transposed = ops.BatchMatMul(transpose_b=True)
        self.times = ops.BatchMatMul()

    def rows_of_qkv(self, x: Tensor) -> Tensor:
        """(F, C, H, W) -> (F * H * W, 3 heads size)."""
        f, c = x.shape[:2]
        return self.to_qkv(self.to_rows(x.reshape(f, c, -1)).reshape(-1, c))

    def frames_of(self, mixed: Tensor, x: Tensor) -> Tensor:
        """Mixed values (F * H * W, heads size) -> the shape of `x`."""
        f, c = x.shape[:2]
        return self.to_frames(self.to_out(mixed).reshape(f, -1, c)).reshape(x.shape)


class LevelAttention(HeadAttention):
    """Every column of levels attends to itself, with rotary positions (Ho et al. 2022).

    focus: samples marked 1 see only their own level, that is, they keep their values.
    """

    def __init__(self, channels: int, heads: int, size: int, positions: np.ndarray) -> None:
        super().__init__(channels, heads, size)
        self.levels = len(positions)
        turns = rotation_matrices(positions, size, min(LARGEST_ROTATED, size))
        self.whole = None
        if fits(self.levels):
            self.whole = SetAttention(heads, size**-0.5, turns=_cosines_and_sines(turns))
            return
        self.turn = Rotary(turns)
        others = LOWEST * (1.0 - np.eye(self.levels))
        self.others = Tensor(others.astype(np.float32).reshape(1, 1, *others.shape))
        self.by_column = make_permute(0, 2, 1, 3)
        self.by_level = make_permute(0, 2, 1, 3)

    def construct(
        self, x: Tensor, bias: Tensor | None = None, focus: Tensor | None = None
    ) -> Tensor:
        """x (F, C, H, W), bias (heads, Z, Z), focus (N,) float -> like x."""
        z, p = self.levels, x.shape[2] * x.shape[3]
        n = x.shape[0] // z
        rows = self.rows_of_qkv(x)
        if self.whole is not None:
            sets = _columns(z, p)
            mixed = self.whole(rows.reshape(n, z * p, -1), sets, bias, focus)
            return self.frames_of(mixed.reshape(n * z * p, -1), x)
        query, key, value = ops.split(rows.reshape(n, z, p, -1), self.heads * self.size, 3)
        query, key = self._columns(self.turn(query)), self._columns(self.turn(key))
        logits = self.times_transposed(query, key).reshape(n * p, self.heads, z, z)
        if focus is not None:
            logits = logits + ops.repeat_interleave(focus, p, 0).reshape(-1, 1, 1, 1) * self.others
        weights = self.softmax(logits, bias)
        mixed = self.times(weights.reshape(-1, z, z), self._columns(value))
        mixed = self.by_level(mixed.reshape(n, p * self.heads, z, self.size))
        return self.frames_of(mixed.reshape(n * z * p, -1), x)

    def _columns(self, x: Tensor) -> Tensor:
        """(N, Z, P, heads * size) -> (N * P * heads, Z, size)."""
        n, z = x.shape[:2]
        return self.by_column(x.reshape(n, z, -1, self.size)).reshape(-1, z, self.size)


@ms.constexpr
def _columns(levels: int, places: int) -> Tensor:
    """(P, Z): the rows of each place's column, levels slowest in the rows."""
    rows = np.arange(levels) * places + np.arange(places)[:, None]
    return Tensor(rows.astype(np.int32))


def _cosines_and_sines(turns: np.ndarray) -> np.ndarray:
    """(Z, 2, size) of rotations (Z, size, size) of row vectors."""
    size = turns.shape[1]
    cosines = turns[:, np.arange(size), np.arange(size)]
    even = np.arange(0, size, 2)
    sines = np.repeat(turns[:, even, even + 1], 2, axis=1)
    return np.stack((cosines, sines), 1)


class FrameAttention(HeadAttention):
    """Every frame's positions attend to each other; positions do not enter."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__(channels, heads, INNER_HEAD)
        self.by_head = make_permute(0, 2, 1, 3)
        self.by_place = make_permute(0, 2, 1, 3)

    def construct(self, x: Tensor) -> Tensor:
        """(F, C, H, W) -> the same shape."""
        p = x.shape[2] * x.shape[3]
        query, key, value = ops.split(self.rows_of_qkv(x), self.heads * self.size, 1)
        query, key, value = self._heads(query, p), self._heads(key, p), self._heads(value, p)
        weights = self.softmax(self.times_transposed(query, key))
        mixed = self.by_place(self.times(weights, value))
        return self.frames_of(mixed.reshape(-1, self.heads * self.size), x)

    def _heads(self, x: Tensor, p: int) -> Tensor:
        return self.by_head(x.reshape(-1, p, self.heads, self.size))


class LinearAttention(nn.Cell):
    """Attention within a frame whose cost grows with its area only (Shen et al. 2021)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        width = heads * INNER_HEAD
        self.to_qkv = FrameConv(channels, 3 * width, 1, bias=False, planar=True)
        self.to_out = FrameConv(width, channels, 1, planar=True)
        self.softmax = Softmax()
        self.features_last = make_permute(0, 2, 1)
        self.times_transposed = ops.BatchMatMul(transpose_b=True)
        self.both_transposed_times = ops.BatchMatMul(transpose_a=True, transpose_b=True)

    def construct(self, x: Tensor) -> Tensor:
        """(F, C, H, W) -> the same shape."""
        f, _, h, w = x.shape
        qkv = self.to_qkv(x).reshape(f, 3 * self.heads, INNER_HEAD, h * w)
        query, key, value = ops.split(qkv, self.heads, 1)
        query = self.softmax(self.features_last(self._sets(query)))  # over the features
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
