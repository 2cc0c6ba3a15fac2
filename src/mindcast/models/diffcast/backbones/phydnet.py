"""PhyDNet: physical dynamics and a residual, disentangled (Le Guen & Thome 2020).

The variant that DiffCast ships. Attribute names follow its state dict, which holds the two cells
twice (also below `encoder`) and four moment matrices; see `weights`.
"""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.models.diffcast.backbones.base import Backbone, mean_square
from mindcast.models.diffcast.backbones.moments import derivative_moments, moment_matrix
from mindcast.models.diffcast.backbones.phydnet_cells import ConvLSTM, LayerState, PhyCells
from mindcast.models.diffcast.backbones.phydnet_images import FrameCoder
from mindcast.models.diffcast.backbones.settings import PhyDNetSettings

REDUCTION = 4
State = tuple[Tensor, tuple[LayerState, ...]]
Drawn = tuple[Tensor, Tensor]  # the physical and the residual state that a frame is drawn from


class PhyDNet(Backbone):
    """Reads the context frame by frame, then its own forecasts; a forecast lies in (0, 1)."""

    def __init__(
        self,
        settings: PhyDNetSettings,
        context_frames: int,
        target_frames: int,
        frame: tuple[int, int],
        channels: int = 1,
    ) -> None:
        super().__init__()
        features = 2 * settings.width
        self.phycell = PhyCells(features, settings.kernel)
        self.convcell = ConvLSTM(features, settings.lstm_channels, settings.lstm_kernel)
        self.encoder = FrameCoder(channels, settings.width, settings.norm_groups)
        self.moment_error = MomentError(settings.kernel)
        self.features, self.grid = features, tuple(side // REDUCTION for side in frame)
        self.context_frames, self.target_frames = context_frames, target_frames
        self.moment_weight = settings.moment_weight
        steps = context_frames - 1 + target_frames
        self.step_weight = 1.0 / steps if settings.mean_over_steps else 1.0

    def construct(self, context: Tensor) -> Tensor:
        """(N, T_in, C, H, W) -> (N, T_out, C, H, W)."""
        state, _ = self._read(context)
        return self._roll_out(state)

    def forecast_and_loss(self, context: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The forecast, and the sum of the errors of all one-step forecasts and the moment term.

        That is T_in - 1 forecasts of context frames and the T_out of `target` (N, T_out, C, H, W);
        the mean squared error of each counts fully (or, with `mean_over_steps`, their average).
        """
        state, drawn = self._read(context)
        prediction = self._roll_out(state)
        error = mean_square(prediction - target) * self.target_frames
        if self.context_frames > 1:
            known = self._draw_known(drawn, context)
            error = error + mean_square(known - context[:, 1:]) * (self.context_frames - 1)
        return prediction, error * self.step_weight + self.moment_loss() * self.moment_weight

    def moment_loss(self) -> Tensor:
        """How far the filters of the physical cell are from derivatives."""
        return self.moment_error(self.phycell.cell_list[0].F.conv1.weight)

    def _read(self, context: Tensor) -> tuple[State, tuple[Drawn, ...]]:
        """The state after the context, and what each frame but the last one gives to draw from."""
        n, t, c, h, w = context.shape
        physical, residual = self.encoder.encode(context.reshape(n * t, c, h, w))
        physical = physical.reshape(n, t, *physical.shape[1:])
        residual = residual.reshape(n, t, *residual.shape[1:])
        state, drawn = self._rest(context), ()
        for k in range(self.context_frames):
            state = self._advance(physical[:, k], residual[:, k], state)
            if k < self.context_frames - 1:
                drawn = (*drawn, self._visible(state))
        return state, drawn

    def _roll_out(self, state: State) -> Tensor:
        """The forecast (N, T_out, C, H, W) from the state after the context."""
        frame = self._draw(state)
        frames = [frame]
        for _ in range(self.target_frames - 1):
            physical, residual = self.encoder.encode(frame)
            state = self._advance(physical, residual, state)
            frame = self._draw(state)
            frames.append(frame)
        return ops.stack(frames, 1)

    def _advance(self, physical: Tensor, residual: Tensor, state: State) -> State:
        return self.phycell(physical, state[0]), self.convcell(residual, state[1])

    def _rest(self, context: Tensor) -> State:
        """The state before the first frame: zeros."""
        n, dtype, layers = context.shape[0], context.dtype, ()
        for hidden in self.convcell.hidden:
            zero = ops.zeros((n, hidden, *self.grid), dtype)
            layers = (*layers, (zero, zero))
        return ops.zeros((n, self.features, *self.grid), dtype), layers

    def _visible(self, state: State) -> Drawn:
        return state[0], state[1][-1][0]

    def _draw(self, state: State) -> Tensor:
        physical, residual = self._visible(state)
        return self.encoder.decode(physical, residual)

    def _draw_known(self, drawn: tuple[Drawn, ...], context: Tensor) -> Tensor:
        """The forecasts of the context's frames but the first, drawn as one batch."""
        physical = ops.stack([pair[0] for pair in drawn], 1)
        residual = ops.stack([pair[1] for pair in drawn], 1)
        shape = (-1, *physical.shape[2:])
        frames = self.encoder.decode(physical.reshape(shape), residual.reshape(shape))
        return frames.reshape(context[:, 1:].shape)


class MomentError(nn.Cell):
    """Squared distance between the moments of k x k filters and those of the derivatives.

    Mean over filters and moments, sum over input channels. Differs: float32, where the reference
    goes through float64; the matrices are close to 1 in size, so only the last digits differ.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        matrix = moment_matrix(size)
        self.to_moments = Tensor(np.kron(matrix, matrix).T.astype(np.float32))
        wanted = derivative_moments(size).reshape(size * size, 1, size * size)
        self.wanted = Tensor(wanted.astype(np.float32))
        self.scale = 1.0 / size**4

    def construct(self, kernels: Tensor) -> Tensor:
        """(k^2, C, k, k) -> scalar."""
        rows = ops.matmul(kernels.reshape(-1, self.to_moments.shape[0]), self.to_moments)
        error = rows.reshape(kernels.shape[0], kernels.shape[1], -1) - self.wanted
        return (error * error).sum(axis=2).sum() * self.scale
