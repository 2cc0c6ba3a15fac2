"""The whole of DiffCast in one cell, and the two layouts of frames."""

from __future__ import annotations

from mindspore import Tensor, nn, ops

from src.models.diffcast.backbones import build_backbone
from src.models.diffcast.context_net import ContextNet, Features
from src.models.diffcast.settings import DiffCastSettings
from src.models.diffcast.unet import DenoiserUNet


class JointNetwork(nn.Cell):
    """Backbone, context network and denoiser, under the names of the released checkpoints.

    Frames are (N, T, C, H, W) here; mu is the backbone's forecast, in [0, 1] but for its errors.
    """

    def __init__(self, settings: DiffCastSettings) -> None:
        super().__init__()
        dim, multiples = settings.denoiser.dim, settings.denoiser.multiples
        self.model = DenoiserUNet(dim, multiples, settings.context_frames)
        self.ctx_net = ContextNet(dim, multiples)
        self.backbone_net = backbone_of(settings)
        self.local_index = settings.local_index

    def contexts(self, context: Tensor, mu: Tensor) -> tuple[Features, Features]:
        """(features for the first segment, features for the others), finest first."""
        return self.ctx_net(2 * ops.cat((context, mu), 1) - 1, self.local_index)

    def construct(self, context: Tensor) -> tuple[Tensor, ...]:
        """All that sampling needs: mu, the first segment's features, those of the others."""
        mu = self.backbone_net(context)
        local, whole = self.contexts(context, mu)
        return (mu, *local, *whole)


def backbone_of(settings: DiffCastSettings) -> nn.Cell:
    """The chosen backbone, not trained."""
    return build_backbone(
        settings.backbone,
        settings.backbone_settings,
        settings.context_frames,
        settings.target_frames,
        settings.frame_size,
    )


def channels_first(frames: Tensor) -> Tensor:
    """(N, T, H, W, C) -> (N, T, C, H, W)."""
    return frames.transpose(0, 1, 4, 2, 3)
