"""The joint training objective of backbone, context network and denoiser (Yu et al. 2024).

    loss = alpha L_det + (1 - alpha) L_diff

With the backbone's forecast mu and r = s (truth - mu), s = `DiffusionSettings.residual_scale`, cut
into segments r_j, L_diff is the mean over segments of the squared error of the denoiser's
prediction for r_j at noise level t_j, conditioned on the true r_{j-1} (0 for j = 0), the contexts
of [input, mu] and j; where `DenoiserSettings.sees_forecast`, also on mu in segment j. Nothing is
detached: L_diff reaches the backbone through r, r_{j-1}, the contexts and what the denoiser sees.
"""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.diffusion.noising import ForwardNoising, constant
from mindcast.diffusion.prediction import TrainingTarget, snr_weights
from mindcast.models.diffcast.context_net import Features
from mindcast.models.diffcast.network import JointNetwork, to_network
from mindcast.models.diffcast.settings import DiffCastSettings

Loss = tuple[Tensor, tuple[Tensor, ...]]


class ResidualLoss(nn.Cell):
    """Deterministic and diffusion loss of frames (N, T, H, W, C) in [0, 1].

    The segments of all samples pass the denoiser as one batch, sample by sample.
    """

    diagnostic_names = ("loss", "det_loss", "diff_loss")

    def __init__(self, network: JointNetwork, settings: DiffCastSettings) -> None:
        super().__init__(auto_prefix=False)
        diffusion = settings.diffusion
        process = diffusion.process()
        self.network = network
        self.add_noise = ForwardNoising(process)
        self.target = TrainingTarget(process, diffusion.prediction)
        self.weights = None
        if diffusion.weighting != "none":
            limit = diffusion.min_snr_gamma if diffusion.weighting == "min_snr" else None
            self.weights = constant(snr_weights(process, diffusion.prediction, limit))
        self.context_frames, self.segments = settings.context_frames, settings.segments
        self.alpha, self.frozen_backbone = settings.alpha, settings.freeze_backbone
        self.noise_size = diffusion.conditioning_noise
        self.patch = settings.patch
        self.residual_scale = diffusion.residual_scale
        self.numbers = Tensor(np.arange(self.segments, dtype=np.int32))

    def construct(
        self,
        context: Tensor,
        truth: Tensor,
        t: Tensor,
        noise: Tensor,
        conditioning_noise: Tensor | None = None,
        extrapolated: Tensor | None = None,
    ) -> Loss:
        """context (N, Tc, H, W, C), truth (N, T, H, W, C), t (N, segments) int32, noise like the
        truth.

        conditioning_noise: like noise, if the settings want it. extrapolated (N, T, H, W,
        MOVED_CHANNELS): see `motion.moved`, if the backbone takes it. Gives (loss, diagnostics).
        """
        frames, further = self._laid_out(context), self._laid_out(conditioning_noise)
        truth, noise = self._laid_out(truth), self._laid_out(noise)
        return self.of_frames(frames, truth, t, noise, further, self._laid_out(extrapolated))

    def of_frames(
        self,
        context: Tensor,
        truth: Tensor,
        t: Tensor,
        noise: Tensor,
        conditioning_noise: Tensor | None = None,
        moved: Tensor | None = None,
    ) -> Loss:
        """The same, of frames and noises (N, T, C, H, W).

        moved: what the backbone takes instead of the context, if it does.
        """
        source = context if moved is None else moved
        mu, det_loss = self.network.backbone_net.forecast_and_loss(source, truth)
        if self.frozen_backbone:
            mu = ops.stop_gradient(mu)
        prediction, target = self.prediction_and_target(
            context, truth, mu, t, noise, conditioning_noise, moved
        )
        diff_loss = self.mean_error(prediction, target, t.reshape(-1))
        loss = self.alpha * det_loss + (1 - self.alpha) * diff_loss
        return loss, (loss, det_loss, diff_loss)

    def prediction_and_target(
        self,
        context: Tensor,
        truth: Tensor,
        mu: Tensor,
        t: Tensor,
        noise: Tensor,
        conditioning_noise: Tensor | None = None,
        moved: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The denoiser's output and its target, (N segments, frames, C, H, W) each.

        Frames and noises (N, T, C, H, W), t (N, segments); moved: what the backbone took, if that
        is not the context.
        """
        residual = self.residual_scale * (truth - mu)
        known = residual
        if conditioning_noise is not None:
            known = known + self.noise_size * conditioning_noise
        first = ops.zeros_like(residual[:, : self.context_frames])
        previous = ops.cat((first, known[:, : -self.context_frames]), 1)
        clean, previous = self._rows(residual), self._rows(previous)
        noise, t = self._rows(noise), t.reshape(-1)
        features = self._features(*self.network.contexts(context, mu))
        number = ops.tile(self.numbers, (context.shape[0],))
        noisy = self.add_noise(clean, t, noise)
        guides = [self._each(guide) for guide in self.network.guides(mu, moved)]
        prediction = self.network.model(noisy, t, previous, number, *guides, *features)
        return prediction, self.target(clean, t, noise)

    def mean_error(self, prediction: Tensor, target: Tensor, t: Tensor) -> Tensor:
        """Mean over rows of their mean squared error, weighted where the settings ask for it."""
        error = prediction - target
        by_row = (error * error).reshape(error.shape[0], -1).mean(axis=1)
        if self.weights is not None:
            by_row = by_row * ops.gather(self.weights, t, 0)
        return by_row.mean()

    def _laid_out(self, frames: Tensor | None) -> Tensor | None:
        """(N, T, H, W, C) as the networks take them."""
        if frames is None:
            return None
        return to_network(frames, self.patch)

    def _rows(self, frames: Tensor) -> Tensor:
        """(N, target frames, C, H, W) -> (N segments, frames of one, C, H, W)."""
        return frames.reshape(-1, self.context_frames, *frames.shape[2:])

    def _each(self, guide: Tensor) -> Tensor:
        """(N, segments, C, H, W) -> (N segments, C, H, W)."""
        return guide.reshape(-1, *guide.shape[2:])

    def _features(self, local: Features, whole: Features) -> Features:
        """One row a segment: the first segment of a sample gets `local`, the others `whole`."""
        features = ()
        for level in range(len(local)):
            rows = (local[level],) + (whole[level],) * (self.segments - 1)
            rows = ops.stack(rows, 1)
            features = (*features, rows.reshape(-1, *rows.shape[2:]))
        return features


class MovedResidualLoss(nn.Cell):
    """The same where the backbone takes what `motion.moved` gives instead of the context."""

    diagnostic_names = ResidualLoss.diagnostic_names

    def __init__(self, loss: ResidualLoss) -> None:
        super().__init__(auto_prefix=False)
        self.loss = loss

    def construct(
        self,
        context: Tensor,
        extrapolated: Tensor,
        truth: Tensor,
        t: Tensor,
        noise: Tensor,
        conditioning_noise: Tensor | None = None,
    ) -> Loss:
        """Arguments as those of `ResidualLoss`. Gives (loss, diagnostics)."""
        return self.loss(context, truth, t, noise, conditioning_noise, extrapolated)
