"""Cuboid attention with global vectors: a few summary tokens that every cuboid talks to.

Local tokens attend, in one softmax, to their cuboid and to the global vectors; the global vectors
attend to all local tokens and, if asked, to themselves (Gao et al. 2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.layers import cuboid_geometry as geometry
from mindcast.layers import initialise
from mindcast.layers.cuboid_attention import (
    AttentionOptions,
    CuboidSelfAttention,
    SplitHeads,
    penalty,
)
from mindcast.layers.cuboid_patterns import Cuboid, Shape
from mindcast.layers.dense import Dense
from mindcast.layers.dropout import make_dropout
from mindcast.layers.norm import LayerNorm
from mindcast.layers.permute import make_permute
from mindcast.layers.softmax import BiasedSoftmax


@dataclass(frozen=True)
class GlobalOptions:
    """width_ratio: channels of a global vector over C; other than 1 only with own projections.

    separate_projections: every direction of attention has its own; else the query, key and value
    of the local tokens serve in it too. self_attention: global vectors see each other.
    """

    width_ratio: int = 1
    separate_projections: bool = True
    self_attention: bool = True


class GlobalCuboidSelfAttention(CuboidSelfAttention):
    """`CuboidSelfAttention` whose tokens exchange messages with K global vectors.

    In names, l2g is "local tokens ask the global vectors", g2l and g2g likewise.
    """

    def __init__(
        self,
        channels: int,
        shape: Shape,
        cuboid: Cuboid,
        options: AttentionOptions,
        global_options: GlobalOptions,
    ) -> None:
        super().__init__(channels, shape, cuboid, options)
        if global_options.width_ratio != 1 and not global_options.separate_projections:
            raise ValueError(
                f"width_ratio = {global_options.width_ratio} without separate_projections, "
                "expected 1; shared projections need equal widths"
            )
        self.width = global_options.width_ratio * channels
        self.separate = global_options.separate_projections
        self.self_attention = global_options.self_attention
        self.global_vec_norm = LayerNorm(self.width)
        self._add_projections(options.qkv_bias)
        self.global_proj = self.global_dropout = nn.Identity()
        if options.projection:
            self.global_proj = initialise.start_zero(Dense(self.width, self.width))
            self.global_dropout = make_dropout(options.projection_dropout)
        self.global_mask = _global_penalty(shape, cuboid, options.padding)
        self.by_place = SplitHeads(self.cuboids * self.volume, self.heads)
        self.plain_softmax = BiasedSoftmax(self.scale)
        self.merge_global = make_permute(0, 2, 1, 3)

    def add_attention(
        self, index: np.ndarray, back: np.ndarray, mask: np.ndarray | None, qkv_bias: bool
    ) -> None:
        """Always in parts: the softmax spans the cuboid and the global vectors."""
        self.add_parts(index, back, mask)

    def _add_projections(self, bias: bool) -> None:
        c, width = self.channels, self.width

        def dense(inputs: int, outputs: int) -> Dense:
            return initialise.start_normal(Dense(inputs, outputs, bias))

        if not self.separate:
            self.global_qkv = dense(width, 3 * width)
            return
        self.l2g_q_net = dense(c, c)
        self.l2g_global_kv_net = dense(width, 2 * c)
        self.g2l_global_q_net = dense(width, c)
        self.g2l_k_net = dense(c, c)
        self.g2l_v_net = dense(c, width)
        if self.self_attention:
            self.g2g_global_qkv_net = dense(width, 3 * width)

    def construct(self, tokens: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """(N * T * H * W, C) and (N, K, width) -> the same shapes."""
        rows = self.cuboid_rows(tokens)
        qkv = self.qkv(rows)
        normed = self.global_vec_norm(vectors).reshape(-1, self.width)
        l2g, g2l, g2g = self._exchange(rows, qkv, normed)
        local = self._local_update(qkv, l2g, vectors.shape[1])
        return self.grid_rows(local), self._global_update(g2l, g2g, vectors)

    def _exchange(self, rows: Tensor, qkv: Tensor, normed: Tensor) -> tuple:
        """Query, key and value, as rows, for l2g, g2l and g2g."""
        if not self.separate:
            query, key, value = ops.split(qkv, self.channels, 1)
            summary = ops.split(self.global_qkv(normed), self.width, 1)
            return (query, summary[1], summary[2]), (summary[0], key, value), summary
        key, value = ops.split(self.l2g_global_kv_net(normed), self.channels, 1)
        l2g = (self.l2g_q_net(rows), key, value)
        g2l = (self.g2l_global_q_net(normed), self.g2l_k_net(rows), self.g2l_v_net(rows))
        if not self.self_attention:
            return l2g, g2l, None
        return l2g, g2l, ops.split(self.g2g_global_qkv_net(normed), self.width, 1)

    def _local_update(self, qkv: Tensor, l2g: tuple, count: int) -> Tensor:
        """(rows, C): each token's mix of its cuboid and the `count` global vectors."""
        query, key, value = [self.split_heads(x) for x in ops.split(qkv, self.channels, 1)]
        global_query = self.split_heads(l2g[0])
        global_key, global_value = self._to_all_cuboids(l2g[1:], count)
        scores = ops.cat(
            (self.times_transposed(query, key), self.times_transposed(global_query, global_key)), 3
        )
        bias, mask = self.position_bias(), self.mask
        if bias is not None:
            bias = _widened(bias, count)
        if mask is not None:
            mask = _widened(mask, count)
        weights = self.dropout(self.softmax(scores, bias, mask))
        return self.merge_heads(self.times(weights, ops.cat((value, global_value), 2)))

    def _to_all_cuboids(self, pair: tuple, count: int) -> list[Tensor]:
        """Key and value rows (N * K, C) as (N * cuboids, heads, K, C / heads)."""
        spread = []
        for rows in pair:
            heads = _few_by_head(rows, count, self.heads)
            n, _, _, depth = heads.shape
            copies = ops.tile(
                heads.reshape(n, 1, self.heads, count, depth), (1, self.cuboids, 1, 1, 1)
            )
            spread.append(copies.reshape(-1, self.heads, count, depth))
        return spread

    def _global_update(self, g2l: tuple, g2g: tuple | None, vectors: Tensor) -> Tensor:
        """(N, K, width): each global vector's mix of all local tokens (and all vectors)."""
        count, mask = vectors.shape[1], self.global_mask
        query = _few_by_head(g2l[0], count, self.heads)
        scores = self.times_transposed(query, self.by_place(g2l[1]))
        value = self.by_place(g2l[2])
        if self.self_attention:
            others = [_few_by_head(x, count, self.heads) for x in g2g]
            scores = ops.cat((scores, self.times_transposed(others[0], others[1])), 3)
            value = ops.cat((value, others[2]), 2)
        if mask is not None:
            mask = ops.broadcast_to(mask, (1, count, mask.shape[2]))
            mask = _widened(mask, count) if self.self_attention else mask
        weights = self.dropout(self.plain_softmax(scores, None, mask))
        mixed = self.merge_global(self.times(weights, value)).reshape(vectors.shape)
        return self.global_dropout(self.global_proj(mixed))


def _few_by_head(rows: Tensor, count: int, heads: int) -> Tensor:
    """As `SplitHeads` for the few rows of the global vectors."""
    return rows.reshape(-1, count, heads, rows.shape[1] // heads).transpose(0, 2, 1, 3)


def _widened(x: Tensor, count: int) -> Tensor:
    """`count` more columns of zeros: nothing is added to the scores of the global vectors."""
    return ops.cat((x, ops.zeros((*x.shape[:2], count), x.dtype)), 2)


def _global_penalty(shape: Shape, cuboid: Cuboid, padding: str) -> Tensor | None:
    """(1, 1, places): very low for padded cells under "ignore".

    The places are in rolled, but not in cuboid, order as in the reference: exact only if the split
    is trivial, but the published weights were trained with it.
    """
    real = geometry.real_cells(shape, geometry.effective(cuboid, shape))
    if padding != "ignore" or real.all():
        return None
    return penalty(real[None, None])
