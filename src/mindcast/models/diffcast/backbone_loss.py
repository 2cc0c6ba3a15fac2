"""The training objective of a backbone by itself."""

from __future__ import annotations

from mindspore import Tensor, nn

from mindcast.models.diffcast.network import to_network
from mindcast.models.diffcast.residual_loss import Loss


class BackboneLoss(nn.Cell):
    """The backbone's own loss on frames (N, T, H, W, C) in [0, 1].

    "mse" is the mean squared error of the forecast, which compares backbones of unlike losses.
    """

    diagnostic_names = ("loss", "mse")

    def __init__(self, backbone: nn.Cell, patch: int = 1) -> None:
        super().__init__(auto_prefix=False)
        self.backbone, self.patch = backbone, patch

    def construct(self, context: Tensor, truth: Tensor) -> Loss:
        """Gives (loss, diagnostics)."""
        target = to_network(truth, self.patch)
        forecast, loss = self.backbone.forecast_and_loss(to_network(context, self.patch), target)
        error = (forecast - target).reshape(target.shape[0], -1)
        return loss, (loss, (error * error).mean(axis=1).mean())


class MovedBackboneLoss(nn.Cell):
    """The same of a backbone that takes what `motion.moved` gives instead of the context."""

    diagnostic_names = BackboneLoss.diagnostic_names

    def __init__(self, loss: BackboneLoss) -> None:
        super().__init__(auto_prefix=False)
        self.loss = loss

    def construct(self, extrapolated: Tensor, truth: Tensor) -> Loss:
        """extrapolated (N, T, H, W, MOVED_CHANNELS). Gives (loss, diagnostics)."""
        return self.loss(extrapolated, truth)
