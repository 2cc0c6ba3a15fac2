"""Mean squared error of a network's prediction, as a loss cell of the trainer."""

from __future__ import annotations

from mindspore import Tensor, nn

Loss = tuple[Tensor, tuple[Tensor, ...]]


class _PredictionError(nn.Cell):
    diagnostic_names = ("loss",)

    def __init__(self, network: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.network = network

    def error(self, predicted: Tensor, target: Tensor) -> Loss:
        difference = (predicted - target).reshape(target.shape[0], -1)
        loss = (difference * difference).mean(axis=1).mean()
        return loss, (loss,)


class StepLoss(_PredictionError):
    """Of a network that takes what is noisy and the step."""

    def construct(self, x: Tensor, t: Tensor, target: Tensor) -> Loss:
        return self.error(self.network(x, t), target)


class ContextLoss(_PredictionError):
    """Of one that takes conditioning besides."""

    def construct(self, x: Tensor, t: Tensor, conditioning: Tensor, target: Tensor) -> Loss:
        return self.error(self.network(x, t, conditioning), target)


class SegmentLoss(_PredictionError):
    """Of DiffCast's denoiser of four levels."""

    def construct(
        self,
        x: Tensor,
        t: Tensor,
        previous: Tensor,
        segment: Tensor,
        finest: Tensor,
        finer: Tensor,
        coarser: Tensor,
        coarsest: Tensor,
        target: Tensor,
    ) -> Loss:
        features = (finest, finer, coarser, coarsest)
        return self.error(self.network(x, t, previous, segment, *features), target)


LEVELS = ("finest", "finer", "coarser", "coarsest")
# network -> its loss, and the names of the network's inputs there
LOSSES: dict[str, tuple[type[_PredictionError], tuple[str, ...]]] = {
    "prediff_denoiser": (ContextLoss, ("x", "t", "conditioning")),
    "prediff_alignment": (StepLoss, ("x", "t")),
    "diffcast_denoiser": (SegmentLoss, ("x", "t", "previous", "segment", *LEVELS)),
    "geodiff_unet": (StepLoss, ("x", "t")),
}
