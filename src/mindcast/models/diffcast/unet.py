"""The denoiser of one segment of the residual (Yu et al. 2024)."""

from __future__ import annotations

from mindspore import Tensor, nn, ops

from mindcast.layers import initialise
from mindcast.layers.activation import Gelu
from mindcast.layers.convolution import Conv2d
from mindcast.layers.dense import Dense
from mindcast.layers.embedding import SinesThenCosines
from mindcast.layers.large_kernel_attention import LargeKernelAttention
from mindcast.models.diffcast.blocks import (
    PixelAttention,
    Residual,
    ResnetBlock,
    downsample,
    level_pairs,
    upsample,
)

EMBEDDING_MULTIPLE = 4


class DenoiserUNet(nn.Cell):
    """The prediction for the noisy residual of a segment, given its conditioning.

    dim, multiples: widths as those of the context network, whose features come in at every level.
    frames: of a segment; channels: of a frame. The frames of a segment are image channels.
    guide_channels: of images of the segment that it sees beside the noisy residual; 0: none.
    context: whether there are features of a context network.
    """

    def __init__(
        self,
        dim: int,
        multiples: tuple[int, ...],
        frames: int,
        channels: int = 1,
        guide_channels: int = 0,
        context: bool = True,
    ) -> None:
        super().__init__()
        self.guide_conv = Conv2d(guide_channels, dim, 3, padding=1) if guide_channels else None
        pairs = level_pairs(dim, multiples)
        images, width = frames * channels, pairs[-1][1]
        embedding = 2 * EMBEDDING_MULTIPLE * dim
        self.init_conv = Conv2d(2 * images, dim, 7, padding=3)
        self.time_mlp = number_embedding(dim)
        self.frag_idx_mlp = number_embedding(dim)
        self.downs = nn.CellList(
            [_down(*pair, embedding, pair is pairs[-1], context) for pair in pairs]
        )
        self.mid_block1 = ResnetBlock(width, width, embedding)
        self.mid_attn = Residual(width, PixelAttention(width))
        self.mid_block2 = ResnetBlock(width, width, embedding)
        self.ups = nn.CellList(
            [_up(*pair, embedding, last=pair is pairs[0]) for pair in reversed(pairs)]
        )
        self.final_res_block = ResnetBlock(2 * dim, dim, embedding)
        self.final_conv = Conv2d(dim, images, 1)
        if (
            guide_channels
        ):  # what it sees is a forecast already, to which an untrained one adds none
            initialise.start_zero(self.final_conv)

    def construct(
        self, x: Tensor, t: Tensor, previous: Tensor, segment: Tensor, *known: Tensor
    ) -> Tensor:
        """x: noisy residual (N, frames, C, H, W) at steps t (N,); the result is like x.

        previous: residual of the segment before, like x (zeros for the first). segment: its
        number (N,), from 0. known: of the context network, one a level, finest first; before them
        the guide (N, guide_channels, H, W) where there is one.
        """
        embedding = ops.cat((self.time_mlp(t), self.frag_idx_mlp(segment)), 1)
        n, _, _, height, width = x.shape
        both = ops.cat((previous, x), 1).reshape(n, -1, height, width)
        first, features = self.init_conv(both), known
        if self.guide_conv is not None:
            first, features = first + self.guide_conv(known[0]), known[1:]
        y, kept = self._descend(first, features, embedding)
        y = self.mid_block2(self.mid_attn(self.mid_block1(y, embedding)), embedding)
        y = self._ascend(y, kept, embedding)
        y = self.final_res_block(ops.cat((y, first), 1), embedding)
        return self.final_conv(y).reshape(x.shape)

    def _descend(
        self, y: Tensor, features: tuple[Tensor, ...], embedding: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The coarsest image, and two images a level for the way up, in order of their making."""
        kept = ()
        for number in range(len(self.downs)):
            with_context, block, attention, further = self.downs[number]
            if features:
                y = ops.cat((y, features[number]), 1)
            y = with_context(y, embedding)
            kept = (*kept, y)
            y = attention(block(y, embedding))
            kept = (*kept, y)
            y = further(y)
        return y, kept

    def _ascend(self, y: Tensor, kept: tuple[Tensor, ...], embedding: Tensor) -> Tensor:
        for number in range(len(self.ups)):
            first, second, attention, further = self.ups[number]
            y = first(ops.cat((y, kept[-1 - 2 * number]), 1), embedding)
            y = second(ops.cat((y, kept[-2 - 2 * number]), 1), embedding)
            y = further(attention(y))
        return y


def number_embedding(dim: int) -> nn.SequentialCell:
    """(N,) whole numbers -> (N, 4 dim)."""
    wide = EMBEDDING_MULTIPLE * dim
    return nn.SequentialCell(SinesThenCosines(dim), Dense(dim, wide), Gelu(), Dense(wide, wide))


def _down(width: int, wider: int, embedding: int, last: bool, context: bool) -> nn.CellList:
    """Block that takes in the context if there is one, block, attention, way to the next level."""
    further = Conv2d(width, wider, 3, padding=1) if last else downsample(width, wider)
    return nn.CellList(
        [
            ResnetBlock(2 * width if context else width, width, embedding),
            ResnetBlock(width, width, embedding),
            Residual(width, LargeKernelAttention(width)),
            further,
        ]
    )


def _up(width: int, wider: int, embedding: int, last: bool) -> nn.CellList:
    """Two blocks that take in what was kept, attention, way to the next finer level."""
    further = Conv2d(wider, width, 3, padding=1) if last else upsample(wider, width)
    return nn.CellList(
        [
            ResnetBlock(wider + width, wider, embedding),
            ResnetBlock(wider + width, wider, embedding),
            Residual(wider, LargeKernelAttention(wider)),
            further,
        ]
    )
