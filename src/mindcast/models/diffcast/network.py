"""The whole of DiffCast in one cell, and the layout of frames that its networks see."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.models.diffcast.backbones import build_backbone
from mindcast.models.diffcast.context_net import ContextNet, Features
from mindcast.models.diffcast.settings import DiffCastSettings
from mindcast.models.diffcast.unet import DenoiserUNet

Array = TypeVar("Array", Tensor, np.ndarray)


class JointNetwork(nn.Cell):
    """Backbone, context network and denoiser, under the names of the released checkpoints.

    Frames are as `to_network` gives them, (N, T, C, H, W); mu is the backbone's forecast, in [0, 1]
    but for its errors.
    """

    def __init__(self, settings: DiffCastSettings) -> None:
        super().__init__()
        dim, multiples = settings.denoiser.dim, settings.denoiser.multiples
        channels, frames = settings.channels, settings.context_frames
        guide = settings.guide_channels * frames
        used = settings.context_net.use
        self.model = DenoiserUNet(dim, multiples, frames, channels, guide, used)
        self.ctx_net = ContextNet(dim, multiples, channels) if used else None
        self.backbone_net = backbone_of(settings)
        self.local_index = settings.local_index
        self.sees_forecast = settings.denoiser.sees_forecast
        self.segments = settings.segments

    def contexts(self, context: Tensor, mu: Tensor) -> tuple[Features, Features]:
        """(features for the first segment, features for the others), finest first; none of both
        without a context network."""
        if self.ctx_net is None:
            return (), ()
        return self.ctx_net(2 * ops.cat((context, mu), 1) - 1, self.local_index)

    def guides(self, mu: Tensor, moved: Tensor | None) -> tuple[Tensor, ...]:
        """What the denoiser sees of every segment, (N, segments, channels, H, W), or nothing."""
        if not self.sees_forecast:
            return ()
        seen = mu if moved is None else ops.cat((mu, moved), 2)
        return (seen.reshape(seen.shape[0], self.segments, -1, *seen.shape[3:]),)

    def construct(self, context: Tensor, moved: Tensor | None = None) -> tuple[Tensor, ...]:
        """All that sampling needs: mu, the guides if there are any, the first segment's features,
        those of the others. moved: what a backbone takes instead of the context."""
        mu = self.backbone_net(context if moved is None else moved)
        local, whole = self.contexts(context, mu)
        return (mu, *self.guides(mu, moved), *local, *whole)


def backbone_of(settings: DiffCastSettings) -> nn.Cell:
    """The chosen backbone, not trained."""
    return build_backbone(
        settings.backbone,
        settings.backbone_settings,
        settings.context_frames,
        settings.target_frames,
        settings.network_frame,
        settings.channels,
    )


def to_network(frames: Array, patch: int = 1) -> Array:
    """(N, T, H, W, C) -> (N, T, C p^2, H / p, W / p), p = `patch`: blocks of pixels to channels."""
    if patch == 1:
        return frames.transpose(0, 1, 4, 2, 3)
    n, t, h, w, c = frames.shape
    blocks = frames.reshape(n, t, h // patch, patch, w // patch, patch, c)
    return blocks.transpose(0, 1, 6, 3, 5, 2, 4).reshape(n, t, -1, h // patch, w // patch)


def to_fields(frames: Array, patch: int = 1) -> Array:
    """The inverse of `to_network`."""
    n, t, channels, h, w = frames.shape
    blocks = frames.reshape(n, t, channels // patch**2, patch, patch, h, w)
    return blocks.transpose(0, 1, 5, 3, 6, 4, 2).reshape(n, t, h * patch, w * patch, -1)
