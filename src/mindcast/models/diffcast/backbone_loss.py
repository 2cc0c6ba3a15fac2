"""The training objective of a backbone by itself."""

from __future__ import annotations

from mindspore import Tensor, nn

from mindcast.models.diffcast.network import to_network
from mindcast.models.diffcast.residual_loss import Loss


class BackboneLoss(nn.Cell):
    """The backbone's own loss on sequences (N, T, H, W, C) in [0, 1].

    "mse" is the mean squared error of the forecast, which compares backbones of unlike losses.
    """

    diagnostic_names = ("loss", "mse")

    def __init__(self, backbone: nn.Cell, context_frames: int, patch: int = 1) -> None:
        super().__init__(auto_prefix=False)
        self.backbone, self.context_frames, self.patch = backbone, context_frames, patch

    def construct(self, sequence: Tensor) -> Loss:
        """Gives (loss, diagnostics)."""
        frames = to_network(sequence, self.patch)
        context, truth = frames[:, : self.context_frames], frames[:, self.context_frames :]
        forecast, loss = self.backbone.forecast_and_loss(context, truth)
        error = (forecast - truth).reshape(sequence.shape[0], -1)
        return loss, (loss, (error * error).mean(axis=1).mean())
