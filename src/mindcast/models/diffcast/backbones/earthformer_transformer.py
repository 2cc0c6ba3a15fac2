"""Earthformer's hierarchical encoder and decoder (Gao et al. 2022).

Levels are counted from the finest; between them H and W shrink, T never does.
"""

from __future__ import annotations

from mindspore import Tensor, nn

from mindcast.layers.cuboid_global import GlobalOptions
from mindcast.layers.cuboid_global_stack import GlobalCuboidStack
from mindcast.layers.cuboid_patterns import Shape, cuboids_of
from mindcast.layers.cuboid_stack import CuboidStack, StackOptions, feed_forwards
from mindcast.layers.dense import Dense
from mindcast.layers.frame_cross_attention import FrameCrossAttention
from mindcast.layers.patch import FrameUpsample, PatchMerging
from mindcast.models.diffcast.backbones.settings import EarthformerSettings


class CuboidEncoder(nn.Cell):
    """`encoder_depth[i]` stacks on every level, with global vectors that go along.

    shapes: (T, H, W) of every level, the first of which comes in.
    """

    def __init__(self, settings: EarthformerSettings, shape: Shape) -> None:
        super().__init__()
        units, factors = settings.units, (1, settings.downsample, settings.downsample)
        self.levels, self.depth = len(units), settings.encoder_depth
        self.with_vectors = settings.global_vectors > 0
        shapes, merges, widths = [shape], [], []
        for i in range(self.levels - 1):
            merge = PatchMerging(units[i], units[i + 1], shapes[-1], factors, settings.padding)
            shapes.append(merge.out_shape[:3])
            merges.append(merge)
            ratio = settings.global_width_ratio
            widths.append((ratio * units[i], ratio * units[i + 1]))
        self.shapes = tuple(shapes)
        self.down_layers = nn.CellList(merges)
        if self.with_vectors:
            self.down_layer_global_proj = nn.CellList([Dense(*pair) for pair in widths])
        self.blocks = nn.CellList(
            [
                nn.CellList([encoder_stack(settings, i, shapes[i]) for _ in range(self.depth[i])])
                for i in range(self.levels)
            ]
        )

    def construct(self, x: Tensor, vectors: Tensor | None) -> tuple[Tensor, ...]:
        """(N, T, H, W, C) and (N, K, width), None if there are none -> the tokens of every level.

        The vectors that leave the last block are read by nobody.
        """
        outputs = ()
        for i in range(self.levels):
            if i > 0:
                x = self.down_layers[i - 1](x)
                if self.with_vectors:
                    vectors = self.down_layer_global_proj[i - 1](vectors)
            for k in range(self.depth[i]):
                if self.with_vectors:
                    x, vectors = self.blocks[i][k](x, vectors)
                else:
                    x = self.blocks[i][k](x)
            outputs = (*outputs, x)
        return outputs


class CrossStack(nn.Cell):
    """x + attention to the memory of the same level, then a feed-forward block."""

    def __init__(
        self, channels: int, frames: int, memory_frames: int, options: StackOptions
    ) -> None:
        super().__init__()
        attention = FrameCrossAttention(channels, frames, memory_frames, options.attention)
        self.attn_l = nn.CellList([attention])
        self.ffn_l = feed_forwards(channels, 1, options)

    def construct(self, x: Tensor, memory: Tensor) -> Tensor:
        """(N, T, H, W, C) and (N, memory T, H, W, C) -> the shape of `x`."""
        x = x + self.attn_l[0](x, memory)
        return self.ffn_l[0](x.reshape(-1, x.shape[-1])).reshape(x.shape)


class CuboidDecoder(nn.Cell):
    """From the coarsest level up: self-attention and cross-attention in turns, then upsampling.

    memory_shapes: (T, H, W) of the encoder's levels. Unless `decoder_first_self_attention`, the
    coarsest level has one self-attention less, as its tokens know nothing of the data yet.
    """

    def __init__(
        self, settings: EarthformerSettings, memory_shapes: tuple[Shape, ...], frames: int
    ) -> None:
        super().__init__()
        units, depth = settings.units, settings.decoder_depth
        self.levels, self.depth = len(units), depth
        skipped = 0 if settings.decoder_first_self_attention else 1
        counts = tuple(d - skipped * (i == self.levels - 1) for i, d in enumerate(depth))
        self.skipped = tuple(d - c for d, c in zip(depth, counts, strict=True))
        options = StackOptions.of(settings, settings.decoder_ffn_after_each)
        self.self_blocks = nn.CellList(
            [
                nn.CellList(
                    [decoder_stack(settings, i, memory_shapes[i], frames) for _ in range(counts[i])]
                )
                for i in range(self.levels)
            ]
        )
        self.cross_blocks = nn.CellList(
            [
                nn.CellList(
                    [
                        CrossStack(units[i], frames, memory_shapes[i][0], options)
                        for _ in range(depth[i])
                    ]
                )
                for i in range(self.levels)
            ]
        )
        self.upsample_layers = nn.CellList(
            [
                FrameUpsample(units[i + 1], units[i], memory_shapes[i][1:])
                for i in range(self.levels - 1)
            ]
        )

    def construct(self, x: Tensor, memory: tuple[Tensor, ...]) -> Tensor:
        """(N, T, h, w, C) of the coarsest level, the memory of every level -> the finest level."""
        for i in range(self.levels - 1, -1, -1):
            for k in range(self.depth[i]):
                if k >= self.skipped[i]:
                    x = self.self_blocks[i][k - self.skipped[i]](x)
                x = self.cross_blocks[i][k](x, memory[i])
            if i > 0:
                x = self.upsample_layers[i - 1](x)
        return x


def encoder_stack(settings: EarthformerSettings, level: int, shape: Shape) -> nn.Cell:
    """One stack of the encoder, with or without global vectors."""
    channels, options = (
        settings.units[level],
        StackOptions.of(settings, settings.encoder_ffn_after_each),
    )
    cuboids = cuboids_of(settings.level_patterns(settings.encoder_patterns)[level], shape)
    if not settings.global_vectors:
        return CuboidStack(channels, shape, cuboids, options)
    exchange = GlobalOptions(
        settings.global_width_ratio,
        settings.separate_global_projections,
        settings.global_self_attention,
    )
    return GlobalCuboidStack(channels, shape, cuboids, options, exchange)


def decoder_stack(
    settings: EarthformerSettings, level: int, memory_shape: Shape, frames: int
) -> CuboidStack:
    """One self-attention stack of the decoder; its cuboids go by the memory's shape."""
    shape = (frames, *memory_shape[1:])
    cut_for = shape if settings.long_decoder_cuboids else memory_shape
    cuboids = cuboids_of(settings.level_patterns(settings.decoder_patterns)[level], cut_for)
    options = StackOptions.of(settings, settings.decoder_ffn_after_each)
    return CuboidStack(settings.units[level], shape, cuboids, options)
