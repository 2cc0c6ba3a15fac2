"""A stack of cuboid attention layers and feed-forward blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mindspore import Tensor, nn

from mindcast.layers.cuboid_attention import AttentionOptions, CuboidSelfAttention
from mindcast.layers.cuboid_patterns import Cuboid, Shape
from mindcast.layers.feed_forward import FeedForward

HIDDEN_MULTIPLE = 4


@dataclass(frozen=True)
class StackOptions:
    """ffn_after_each: one feed-forward block after each attention, else one at the end."""

    attention: AttentionOptions
    ffn_activation: str = "gelu"
    ffn_dropout: float = 0.0
    gated_ffn: bool = False
    ffn_after_each: bool = True

    @classmethod
    def of(cls, settings: Any, ffn_after_each: bool) -> StackOptions:
        """Those that a model's settings name alike: heads, padding, dropouts and so on."""
        attention = AttentionOptions(
            heads=settings.heads,
            padding=settings.padding,
            attention_dropout=settings.attention_dropout,
            projection_dropout=settings.projection_dropout,
            relative_position=settings.relative_position,
            projection=settings.attention_projection,
        )
        return cls(
            attention=attention,
            ffn_activation=settings.ffn_activation,
            ffn_dropout=settings.ffn_dropout,
            gated_ffn=settings.gated_ffn,
            ffn_after_each=ffn_after_each,
        )


def feed_forwards(channels: int, attentions: int, options: StackOptions) -> nn.CellList:
    """The feed-forward blocks of a stack with that many attention layers."""
    return nn.CellList(
        [
            FeedForward(
                channels,
                HIDDEN_MULTIPLE * channels,
                options.ffn_activation,
                options.gated_ffn,
                dropout=options.ffn_dropout,
                hidden_dropout=options.ffn_dropout,
            )
            for _ in range(attentions if options.ffn_after_each else 1)
        ]
    )


class CuboidStack(nn.Cell):
    """x + attention_k(x), then a feed-forward block, for every cuboid k of a pattern."""

    def __init__(
        self, channels: int, shape: Shape, cuboids: Sequence[Cuboid], options: StackOptions
    ) -> None:
        super().__init__()
        self.attn_l = nn.CellList(
            [CuboidSelfAttention(channels, shape, c, options.attention) for c in cuboids]
        )
        self.ffn_l = feed_forwards(channels, len(cuboids), options)
        self.attentions = len(cuboids)
        self.ffn_after_each = options.ffn_after_each

    def construct(self, x: Tensor) -> Tensor:
        """(N, T, H, W, C) -> the same shape."""
        rows = x.reshape(-1, x.shape[-1])
        for k in range(self.attentions):
            rows = rows + self.attn_l[k](rows)
            if self.ffn_after_each:
                rows = self.ffn_l[k](rows)
        if not self.ffn_after_each:
            rows = self.ffn_l[0](rows)
        return rows.reshape(x.shape)
