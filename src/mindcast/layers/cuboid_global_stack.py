"""A stack of cuboid attention layers that share global vectors, and feed-forward blocks."""

from __future__ import annotations

from collections.abc import Sequence

from mindspore import Tensor, nn

from mindcast.layers.cuboid_global import GlobalCuboidSelfAttention, GlobalOptions
from mindcast.layers.cuboid_patterns import Cuboid, Shape
from mindcast.layers.cuboid_stack import StackOptions, feed_forwards


class GlobalCuboidStack(nn.Cell):
    """`CuboidStack` whose attention layers also update global vectors, which skip the FFN."""

    def __init__(
        self,
        channels: int,
        shape: Shape,
        cuboids: Sequence[Cuboid],
        options: StackOptions,
        global_options: GlobalOptions,
    ) -> None:
        super().__init__()
        attention = options.attention
        self.attn_l = nn.CellList(
            [
                GlobalCuboidSelfAttention(channels, shape, c, attention, global_options)
                for c in cuboids
            ]
        )
        self.ffn_l = feed_forwards(channels, len(cuboids), options)
        self.attentions = len(cuboids)
        self.ffn_after_each = options.ffn_after_each

    def construct(self, x: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """(N, T, H, W, C) and (N, K, width) -> the same shapes."""
        rows = x.reshape(-1, x.shape[-1])
        for k in range(self.attentions):
            d_rows, d_vectors = self.attn_l[k](rows, vectors)
            rows, vectors = rows + d_rows, vectors + d_vectors
            if self.ffn_after_each:
                rows = self.ffn_l[k](rows)
        if not self.ffn_after_each:
            rows = self.ffn_l[0](rows)
        return rows.reshape(x.shape), vectors
