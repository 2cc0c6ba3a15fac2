"""The ConvGRU encoder-forecaster (after Shi et al. 2017, the baseline of TrajGRU).

DiffCast's repository ships none, so this is our own reading of the paper. All that does not depend
on a state runs on the frames of a whole sequence at once.
"""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.layers.activation import leaky_relu
from mindcast.layers.convolution import Conv2d
from mindcast.layers.transposed_convolution import Conv2dTranspose
from mindcast.models.diffcast.backbones.base import Backbone, mean_square
from mindcast.models.diffcast.backbones.settings import ConvGRUSettings

Frame = tuple[int, int]


class ConvGRU(Backbone):
    """An encoder whose final states, level by level, are where the forecaster's start."""

    def __init__(
        self,
        settings: ConvGRUSettings,
        context_frames: int,
        target_frames: int,
        frame: Frame,
        channels: int = 1,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(settings, context_frames, frame, channels)
        self.forecaster = Forecaster(settings, target_frames, channels)
        balanced = settings.loss == "balanced"
        self.balanced_error = BalancedError(settings) if balanced else None

    def construct(self, context: Tensor) -> Tensor:
        """(N, T_in, C, H, W) -> (N, T_out, C, H, W)."""
        return self.forecaster(self.encoder(context))

    def forecast_and_loss(self, context: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The forecast, and its error against `target` (N, T_out, C, H, W): see the settings."""
        prediction = self.construct(context)
        if self.balanced_error is None:
            return prediction, mean_square(prediction - target)
        return prediction, self.balanced_error(prediction, target)


class GatedCell(nn.Cell):
    """A gated recurrent unit with a convolution of the state, and one of the input if there is one.

        reset, keep = sigmoid(x_r + h_r), sigmoid(x_k + h_k)
        candidate   = leaky(x_n + reset * h_n)
        h'          = keep * h + (1 - keep) * candidate

    `keep` is what 1 - update is in `layers.conv_gru`, and the reset comes after the convolution of
    the state (Shi et al. 2017, eq. 1).
    """

    def __init__(
        self, settings: ConvGRUSettings, level: int, in_channels: int | None, steps: int
    ) -> None:
        super().__init__()
        hidden, kernel = settings.hidden[level], settings.state_kernels[level]
        self.i2h = None
        if in_channels is not None:
            side = settings.input_kernel
            self.i2h = Conv2d(in_channels, 3 * hidden, side, padding=side // 2)
        self.h2h = Conv2d(hidden, 3 * hidden, kernel, padding=kernel // 2)
        self.hidden, self.steps, self.slope = hidden, steps, settings.leaky_slope

    def construct(self, h: Tensor, frames: Tensor | None = None) -> Tensor:
        """State (N, hidden, H, W), inputs (N T, C, H, W) -> all states (N, T, hidden, H, W)."""
        inputs = None
        if self.i2h is not None:
            inputs = self.i2h(frames)
            inputs = inputs.reshape(h.shape[0], self.steps, *inputs.shape[1:])
        states = []
        for t in range(self.steps):
            h = self._step(h, None if inputs is None else inputs[:, t])
            states.append(h)
        return ops.stack(states, 1)

    def _step(self, h: Tensor, x: Tensor | None) -> Tensor:
        mixed, gated = self.h2h(h), 2 * self.hidden
        gates, candidate = mixed[:, :gated], mixed[:, gated:]
        gates = ops.sigmoid(gates if x is None else gates + x[:, :gated])
        reset, keep = gates[:, : self.hidden], gates[:, self.hidden :]
        candidate = reset * candidate
        candidate = candidate if x is None else candidate + x[:, gated:]
        candidate = leaky_relu(candidate, self.slope)
        return candidate + keep * (h - candidate)


class Encoder(nn.Cell):
    """At each level a halving convolution, then a cell; states start at zero."""

    def __init__(
        self, settings: ConvGRUSettings, context_frames: int, frame: Frame, channels: int
    ) -> None:
        super().__init__()
        inputs = (channels, *settings.hidden[:-1])
        self.levels = len(settings.stem)
        self.downs = nn.CellList(
            [Conv2d(inputs[i], settings.stem[i], 3, 2, 1) for i in range(self.levels)]
        )
        self.rnns = nn.CellList(
            [GatedCell(settings, i, settings.stem[i], context_frames) for i in range(self.levels)]
        )
        self.slope = settings.leaky_slope
        self.hidden = settings.hidden
        self.grids = tuple(
            tuple(side // 2 ** (i + 1) for side in frame) for i in range(self.levels)
        )

    def construct(self, context: Tensor) -> tuple[Tensor, ...]:
        """(N, T_in, C, H, W) -> the final state of every level, finest first."""
        sequence, final = context, ()
        n = context.shape[0]
        for i in range(self.levels):
            frames = sequence.reshape(-1, *sequence.shape[2:])
            frames = leaky_relu(self.downs[i](frames), self.slope)
            start = ops.zeros((n, self.hidden[i], *self.grids[i]), context.dtype)
            sequence = self.rnns[i](start, frames)
            final = (*final, sequence[:, -1])
        return final


class Forecaster(nn.Cell):
    """The encoder's levels backwards: a cell, then a doubling convolution; no frame is fed back."""

    def __init__(self, settings: ConvGRUSettings, target_frames: int, channels: int) -> None:
        super().__init__()
        levels = len(settings.stem)
        top_first = tuple(reversed(range(levels)))
        width, slope = settings.stem[0], settings.leaky_slope
        outputs = tuple(settings.hidden[i - 1] if i else width for i in top_first)
        self.rnns = nn.CellList(
            [
                GatedCell(settings, i, outputs[k - 1] if k else None, target_frames)
                for k, i in enumerate(top_first)
            ]
        )
        self.ups = nn.CellList(
            [
                Conv2dTranspose(settings.hidden[i], outputs[k], 4, 2, 1)
                for k, i in enumerate(top_first)
            ]
        )
        self.out_conv1 = Conv2d(width, width, 3, padding=1)
        self.out_conv2 = Conv2d(width, channels, 1)
        self.levels, self.slope, self.target_frames = levels, slope, target_frames

    def construct(self, states: tuple[Tensor, ...]) -> Tensor:
        """The first state of every level, finest first -> (N, T_out, C, H, W)."""
        frames = None
        for k in range(self.levels):
            sequence = self.rnns[k](states[self.levels - 1 - k], frames)
            frames = self.ups[k](sequence.reshape(-1, *sequence.shape[2:]))
            frames = leaky_relu(frames, self.slope)
        frames = self.out_conv2(leaky_relu(self.out_conv1(frames), self.slope))
        return frames.reshape(-1, self.target_frames, *frames.shape[1:])


class BalancedError(nn.Cell):
    """Weighted squared plus weighted absolute error, both averaged (Shi et al. 2017, section 4).

    Differs: their thresholds are rain rates and their sums run over pixels; here the thresholds
    are in the data's scale and the error is a mean, comparable with the plain one.
    """

    def __init__(self, settings: ConvGRUSettings) -> None:
        super().__init__()
        self.base = settings.balanced_weights[0]
        self.steps = tuple(float(step) for step in np.diff(settings.balanced_weights))
        self.thresholds = settings.balanced_thresholds

    def construct(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Two (N, T, C, H, W) -> scalar."""
        weight = ops.zeros_like(target) + self.base
        for k in range(len(self.steps)):
            reached = (target >= self.thresholds[k]).astype(target.dtype)
            weight = weight + reached * self.steps[k]
        error = prediction - target
        weighted = weight * (error * error + ops.abs(error))
        return weighted.reshape(weighted.shape[0], -1).mean(axis=1).mean()
