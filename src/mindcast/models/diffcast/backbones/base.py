"""The face that every backbone shows to the joint model."""

from __future__ import annotations

from mindspore import Parameter, Tensor, nn


class Backbone(nn.Cell):
    """A deterministic forecast of all target frames; keeps no state between calls.

    Every subclass has `construct(context)`: (N, T_in, C, H, W) -> (N, T_out, C, H, W).

    It is built from (settings, context_frames, target_frames, frame (H, W), channels)
    by `build_backbone`, and gives frames in the data's scale, [0, 1], but not clamped to it.
    """

    def forecast_and_loss(self, context: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The forecast, and its mean squared error against `target` (N, T_out, C, H, W)."""
        prediction = self.construct(context)
        return prediction, mean_square(prediction - target)

    def untrained_names(self) -> frozenset[str]:
        """Parameters, by their names below this cell, that no output depends on.

        They are kept because the released state dicts hold them.
        """
        return frozenset()

    def trainable_parameters(self) -> list[Parameter]:
        """The parameters that an optimiser may move: those that the forecast depends on."""
        untrained = self.untrained_names()
        return [
            parameter
            for name, parameter in self.parameters_and_names()
            if parameter.requires_grad and name not in untrained
        ]


def mean_square(error: Tensor) -> Tensor:
    """The mean of all squared entries of (N, ...), a scalar."""
    # Row by row first: the kernel that reduces all axes at once is ten times slower on CPU.
    return (error * error).reshape(error.shape[0], -1).mean(axis=1).mean()
