"""Advection: the last frame extrapolated along its motion, and a learned correction of it.

Rain mostly moves, so the network learns only what motion does not explain, in coordinates that move
with the rain (Ritvanen et al. 2023): all that it sees has been carried to where it is needed. One
small network serves every lead time, which it gets as a number; its last convolution starts at
zero, so that before the first step the forecast is the extrapolation exactly. One that stays there,
as in a joint training that freezes it, is not computed (`needless.Needless`).
"""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.layers import initialise
from mindcast.layers.convolution import Conv2d
from mindcast.models.diffcast.backbones.base import Backbone, mean_square
from mindcast.models.diffcast.backbones.events import EventError
from mindcast.models.diffcast.backbones.settings import AdvectionSettings
from mindcast.models.diffcast.blocks import ResnetBlock, downsample, level_pairs, upsample
from mindcast.models.diffcast.unet import number_embedding
from mindcast.motion.moved import VALUE
from mindcast.motion.settings import MOVED_CHANNELS

Frame = tuple[int, int]


class Advection(Backbone):
    """The extrapolated frames and their correction; `context` is what `motion.moved` gives."""

    def __init__(
        self,
        settings: AdvectionSettings,
        context_frames: int,
        target_frames: int,
        frame: Frame,
        channels: int = 1,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.correction = Correction(settings.dim, settings.multiples, channels)
        self.event_error = EventError(settings.events) if settings.loss == "events" else None
        self.leads = Tensor(np.arange(target_frames, dtype=np.int32))
        self.left_out = False

    def adds_nothing(self) -> bool:
        """See `needless.Needless`: the correction's last convolution is zero and not trained."""
        last = self.correction.last.get_parameters()
        return not any(p.requires_grad or p.asnumpy().any() for p in last)

    def forecast_and_loss(self, context: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The forecast, and its error against `target` (N, T_out, C, H, W): see the settings."""
        forecast = self.construct(context)
        if self.event_error is None:
            return forecast, mean_square(forecast - target)
        return forecast, self.event_error(forecast, target)

    def construct(self, context: Tensor) -> Tensor:
        """(N, T_out, MOVED_CHANNELS x C, H, W) -> (N, T_out, C, H, W)."""
        count, frames, _, height, width = context.shape
        moved = context.reshape(count * frames, -1, height, width)
        first = VALUE * self.channels
        extrapolated = moved[:, first : first + self.channels]
        if not self.left_out:
            lead = ops.tile(self.leads, (count,))
            extrapolated = extrapolated + self.correction(moved, lead)
        return extrapolated.reshape(count, frames, self.channels, height, width)


class Correction(nn.Cell):
    """A small U-Net of single frames, whose output starts at zero.

    dim: channels of the finest level. multiples: of `dim`, after each level. channels: of a frame.
    """

    def __init__(self, dim: int, multiples: tuple[int, ...], channels: int) -> None:
        super().__init__()
        pairs = level_pairs(dim, multiples)
        embedding = 4 * dim
        self.embed = number_embedding(dim)
        self.first = Conv2d(MOVED_CHANNELS * channels, dim, 3, padding=1)
        self.downs = nn.CellList([ResnetBlock(width, width, embedding) for width, _ in pairs])
        self.further = nn.CellList([downsample(*pair) for pair in pairs[:-1]])
        bottom = pairs[-1][0]
        self.middle = ResnetBlock(bottom, bottom, embedding)
        self.back = nn.CellList([upsample(wider, width) for width, wider in pairs[-2::-1]])
        self.ups = nn.CellList(
            [ResnetBlock(2 * width, width, embedding) for width, _ in pairs[::-1]]
        )
        self.last = initialise.start_zero(Conv2d(dim, channels, 1))

    def construct(self, moved: Tensor, lead: Tensor) -> Tensor:
        """moved (N, MOVED_CHANNELS x C, H, W), lead (N,) from 0 -> (N, C, H, W)."""
        embedding = self.embed(lead)
        y = self.first(moved)
        kept: tuple[Tensor, ...] = ()
        levels = len(self.downs)
        for number in range(levels):
            y = self.downs[number](y, embedding)
            kept = (*kept, y)
            if number < levels - 1:
                y = self.further[number](y)
        y = self.middle(y, embedding)
        for number in range(levels):
            if number:
                y = self.back[number - 1](y)
            y = self.ups[number](ops.cat((y, kept[-1 - number]), 1), embedding)
        return self.last(y)
