"""The descending half that the denoiser and the alignment network share."""

from __future__ import annotations

from mindspore import Tensor, nn

from mindcast.layers.cuboid_patterns import Shape, cuboids_of
from mindcast.layers.cuboid_stack import CuboidStack, StackOptions
from mindcast.layers.embedding import POSITION_EMBEDDINGS, TimeEmbedding
from mindcast.layers.patch import PatchMerging
from mindcast.layers.permute import make_permute
from mindcast.layers.time_resblock import TimeResBlock
from mindcast.models.prediff.settings import CuboidSettings


class CuboidPyramid(nn.Cell):
    """Input projection, positions, step embedding, and `depth[i]` blocks on each of the levels.

    A block is a time ResBlock, one and the same for all blocks of its level, and a cuboid stack of
    its own. Between levels H and W are merged by `downsample`; T never is.

    shape: (T, H, W) of the finest level, where `in_channels` come in.
    """

    def __init__(self, settings: CuboidSettings, shape: Shape, in_channels: int) -> None:
        super().__init__()
        units = settings.units
        self.levels = len(units)
        self.depth = settings.depth
        self.shapes = level_shapes(settings, shape)
        self.to_cthw, self.to_thwc = make_permute(0, 4, 1, 2, 3), make_permute(0, 2, 3, 4, 1)
        self.first_proj = TimeResBlock(in_channels, units[0], dropout=settings.projection_dropout)
        self.pos_embed = POSITION_EMBEDDINGS[settings.position_embedding](units[0], shape)
        self.time_embed = TimeEmbedding(units[0], settings.time_embedding_multiple * units[0])
        self.downsample_layers = nn.CellList(
            [
                PatchMerging(
                    units[i],
                    units[i + 1],
                    self.shapes[i],
                    (1, settings.downsample, settings.downsample),
                    settings.padding,
                )
                for i in range(self.levels - 1)
            ]
        )
        self.down_self_blocks = level_stacks(settings, self.shapes)
        self.down_time_embed_blocks = level_resblocks(settings)

    def embedded(self, x: Tensor) -> Tensor:
        """(N, T, H, W, C) -> (N, T, H, W, base units), with positions."""
        return self.pos_embed(self.to_thwc(self.first_proj(self.to_cthw(x))))

    def descend(self, x: Tensor, step: Tensor) -> tuple[Tensor, ...]:
        """The output of every level, finest first; `step` (N, E) is the embedded diffusion step."""
        outputs = ()
        for i in range(self.levels):
            if i > 0:
                x = self.downsample_layers[i - 1](x)
            for k in range(self.depth[i]):
                x = self.with_step(self.down_time_embed_blocks[i], x, step)
                x = self.down_self_blocks[i][k](x)
            outputs = (*outputs, x)
        return outputs

    def with_step(self, block: TimeResBlock, x: Tensor, step: Tensor) -> Tensor:
        """A time ResBlock on (N, T, H, W, C)."""
        return self.to_thwc(block(self.to_cthw(x), step))


def level_shapes(settings: CuboidSettings, shape: Shape) -> tuple[Shape, ...]:
    """(T, H, W) of every level, finest first."""
    shapes = [shape]
    for _ in settings.depth[1:]:
        t, h, w = shapes[-1]
        shapes.append((t, -(-h // settings.downsample), -(-w // settings.downsample)))
    return tuple(shapes)


def level_stacks(settings: CuboidSettings, shapes: tuple[Shape, ...]) -> nn.CellList:
    """[level][block]: the cuboid stacks."""
    options = StackOptions.of(settings, settings.ffn_after_each_attention)
    levels = zip(settings.units, settings.depth, settings.level_patterns, shapes, strict=True)
    return nn.CellList(
        [
            nn.CellList(
                [
                    CuboidStack(units, shape, cuboids_of(pattern, shape), options)
                    for _ in range(depth)
                ]
            )
            for units, depth, pattern, shape in levels
        ]
    )


def level_resblocks(settings: CuboidSettings) -> nn.CellList:
    """[level]: the time ResBlock that all blocks of the level share."""
    width = settings.time_embedding_multiple * settings.units[0]
    return nn.CellList(
        [
            TimeResBlock(units, units, width, scale_shift=settings.scale_shift)
            for units in settings.units
        ]
    )
