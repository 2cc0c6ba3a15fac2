"""Earthformer's frame-wise convolutions before and after the transformer (Gao et al. 2022)."""

from __future__ import annotations

from mindspore import Tensor, nn

from mindcast.layers.activation import LeakyRelu
from mindcast.layers.convolution import Conv2d
from mindcast.layers.cuboid_patterns import Shape
from mindcast.layers.norm import GroupNorm
from mindcast.layers.patch import FrameUpsample, PatchMerging
from mindcast.layers.permute import make_permute
from mindcast.models.diffcast.backbones.settings import EarthformerSettings, stem_groups

SLOPE = 0.1  # 0.2 in the other backbones


class Stem(nn.Cell):
    """Stages of convolutions on every frame, each followed by patch merging, even by a factor of 1.

    stage_shapes: the input (T, H, W) of each stage; out_shape: what leaves the last one.
    """

    def __init__(self, settings: EarthformerSettings, shape: Shape, channels: int) -> None:
        super().__init__()
        widths = settings.stem_channels
        inputs = (channels, *widths[:-1])
        shapes, merges = [shape], []
        for width, factor in zip(widths, settings.stem_factors, strict=True):
            merge = PatchMerging(width, width, shapes[-1], (1, factor, factor), settings.padding)
            shapes.append(merge.out_shape[:3])
            merges.append(merge)
        self.conv_block_list = nn.CellList(
            [
                convolutions(inputs[s], widths[s], settings.stem_convolutions[s])
                for s in range(len(widths))
            ]
        )
        self.patch_merge_list = nn.CellList(merges)
        self.stages = len(widths)
        self.channels_last = make_permute(0, 2, 3, 1)
        self.channels_first = make_permute(0, 1, 4, 2, 3)
        self.stage_shapes, self.out_shape = tuple(shapes[:-1]), shapes[-1]

    def construct(self, x: Tensor) -> Tensor:
        """(N, T, C, H, W) -> (N, T, h, w, base units)."""
        n, t = x.shape[:2]
        for s in range(self.stages):
            frames = self.conv_block_list[s](x.reshape(n * t, *x.shape[2:]))
            tokens = self.channels_last(frames)
            x = self.patch_merge_list[s](tokens.reshape(n, t, *tokens.shape[1:]))
            if s < self.stages - 1:
                x = self.channels_first(x)
        return x


class Head(nn.Cell):
    """The stem's stages backwards: nearest resize to the frame that the stage saw, convolutions.

    stage_shapes: those of the stem.
    """

    def __init__(self, settings: EarthformerSettings, stage_shapes: tuple[Shape, ...]) -> None:
        super().__init__()
        backwards = tuple(reversed(range(len(stage_shapes))))
        widths = settings.stem_channels
        inputs = (settings.base_units, *(widths[s] for s in backwards[:-1]))
        self.upsample_list = nn.CellList(
            [
                FrameUpsample(inputs[k], inputs[k], stage_shapes[s][1:])
                for k, s in enumerate(backwards)
            ]
        )
        self.conv_block_list = nn.CellList(
            [
                convolutions(inputs[k], widths[s], settings.stem_convolutions[s])
                for k, s in enumerate(backwards)
            ]
        )
        self.stages = len(backwards)
        self.channels_first = make_permute(0, 3, 1, 2)
        self.channels_last = make_permute(0, 2, 3, 1)

    def construct(self, x: Tensor) -> Tensor:
        """(N, T, h, w, base units) -> (N * T, H, W, C)."""
        frames = self.channels_first(x.reshape(-1, *x.shape[2:]))
        for k in range(self.stages):
            frames = self.conv_block_list[k](self.upsample_list[k].of_frames(frames))
        return self.channels_last(frames)


def convolutions(in_channels: int, out_channels: int, count: int) -> nn.SequentialCell:
    """`count` times a 3x3 convolution, group norm and leaky ReLU on (N, C, H, W)."""
    layers: list[nn.Cell] = []
    for k in range(count):
        layers += [
            Conv2d(out_channels if k else in_channels, out_channels, 3, padding=1),
            GroupNorm(stem_groups(out_channels), out_channels),
            LeakyRelu(SLOPE),
        ]
    return nn.SequentialCell(layers)
