"""The training objectives of the denoiser and of the alignment network (Gao et al. 2023).

Both take the posterior moments of frames, those of `FrameLatents.moments`, before and after the
start of the forecast, and all random numbers as arguments.
"""

from __future__ import annotations

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from mindcast.diffusion.noising import ForwardNoising, constant
from mindcast.diffusion.prediction import TrainingTarget, loss_weights
from mindcast.models.prediff.latents import FrameLatents
from mindcast.models.prediff.settings import DiffusionSettings

Loss = tuple[Tensor, tuple[Tensor, ...]]


class DenoisingLoss(nn.Cell):
    """Weighted error of the denoiser (Gao et al. 2023, eq. 3), one weight for each noise level.

        loss = l_simple_weight mean_n(L_n / exp(v_t) + v_t) + elbo_weight mean_n(w_t L_n)

    L_n is the mean squared (or absolute) error of sample n, v the parameter `logvar` (T,), w the
    weights of the variational bound. The target's latents are posterior samples, the context's
    posterior means.
    """

    diagnostic_names = ("loss", "loss_simple", "loss_gamma", "loss_vlb", "logvar")

    def __init__(
        self,
        denoiser: nn.Cell,
        autoencoder: nn.Cell,
        settings: DiffusionSettings,
    ) -> None:
        super().__init__(auto_prefix=False)
        process = settings.process()
        self.denoiser = denoiser
        self.latents = FrameLatents(autoencoder, settings.scale_factor)
        self.add_noise = ForwardNoising(process)
        self.target = TrainingTarget(process, settings.prediction)
        self.vlb_weights = constant(loss_weights(process, settings.prediction))
        self.logvar = Parameter(
            Tensor(np.zeros(process.timesteps, np.float32)),
            name="logvar",
            requires_grad=settings.learn_logvar,
        )
        self.squared = settings.loss == "l2"
        self.l_simple_weight, self.elbo_weight = settings.l_simple_weight, settings.elbo_weight

    def construct(
        self,
        context_moments: Tensor,
        truth_moments: Tensor,
        t: Tensor,
        noise: Tensor,
        posterior_noise: Tensor,
    ) -> Loss:
        """Moments (N, Tc, h, w, 2 c) and (N, T, h, w, 2 c), t (N,) int32, noise (N, T, h, w, c),
        posterior_noise (N*T, c, h, w). Gives (loss, diagnostics)."""
        conditioning = self.latents.known(context_moments)
        z0 = self.latents.drawn(truth_moments, posterior_noise)
        return self.of_latents(z0, conditioning, t, noise)

    def of_latents(
        self, z0: Tensor, conditioning: Tensor, t: Tensor, noise: Tensor, *guide: Tensor
    ) -> Loss:
        """The same, from target and context latents (N, frames, h, w, c); guide: as the denoiser's,
        if it takes one."""
        predicted = self.denoiser(self.add_noise(z0, t, noise), t, conditioning, *guide)
        error = self.target(z0, t, noise) - predicted
        error = error * error if self.squared else ops.abs(error)
        simple = error.reshape(error.shape[0], -1).mean(axis=1)
        logvar = ops.gather(self.logvar, t, 0)
        gamma = (simple * ops.exp(-logvar) + logvar).mean()
        vlb = (ops.gather(self.vlb_weights, t, 0) * simple).mean()
        loss = self.l_simple_weight * gamma + self.elbo_weight * vlb
        return loss, (loss, simple.mean(), gamma, vlb, self.logvar.mean())


class MovedDenoisingLoss(nn.Cell):
    """The same where motion is conditioning, see `LatentMotionSettings`."""

    diagnostic_names = DenoisingLoss.diagnostic_names

    def __init__(self, loss: DenoisingLoss, difference: bool) -> None:
        super().__init__(auto_prefix=False)
        self.loss, self.difference = loss, difference

    def construct(
        self,
        context_moments: Tensor,
        extrapolated: Tensor,
        truth_moments: Tensor,
        t: Tensor,
        noise: Tensor,
        posterior_noise: Tensor,
    ) -> Loss:
        """extrapolated (N, T, H, W, MOVED_CHANNELS), see `motion.moved`; the others as in
        `DenoisingLoss`."""
        latents = self.loss.latents
        conditioning, guide = latents.known(context_moments), latents.guides(extrapolated)
        z0 = latents.drawn(truth_moments, posterior_noise)
        if self.difference:
            z0 = z0 - latents.scale_factor * guide[..., : z0.shape[4]]
        return self.loss.of_latents(z0, conditioning, t, noise, guide)


class AlignmentLoss(nn.Cell):
    """Squared error of the mean intensity that is read off a noisy latent of the target frames.

    The network's output (N, T', 1) is compared frame by frame, an output (N, 1) with the mean over
    the frames.
    """

    diagnostic_names = ("loss",)

    def __init__(
        self,
        alignment: nn.Cell,
        autoencoder: nn.Cell,
        settings: DiffusionSettings,
    ) -> None:
        super().__init__(auto_prefix=False)
        self.alignment = alignment
        self.latents = FrameLatents(autoencoder, settings.scale_factor)
        self.add_noise = ForwardNoising(settings.process())

    def construct(
        self,
        truth: Tensor,
        truth_moments: Tensor,
        t: Tensor,
        noise: Tensor,
        posterior_noise: Tensor,
    ) -> Loss:
        """truth (N, T, H, W, C) in [0, 1], the others as in `DenoisingLoss`. Gives (loss,
        diagnostics)."""
        z0 = self.latents.drawn(truth_moments, posterior_noise)
        return self.of_latents(z0, mean_intensity(truth), t, noise)

    def of_latents(self, z0: Tensor, intensity: Tensor, t: Tensor, noise: Tensor) -> Loss:
        """The same, from latents (N, T', h, w, c) and mean intensities (N, T', 1)."""
        predicted = self.alignment(self.add_noise(z0, t, noise), t)
        excess = predicted - (intensity if predicted.ndim == 3 else intensity.mean(axis=1))
        loss = (excess * excess).mean()
        return loss, (loss,)


def mean_intensity(frames: Tensor) -> Tensor:
    """Mean over H, W and C of every frame: (N, T, H, W, C) -> (N, T, 1)."""
    return frames.reshape(*frames.shape[:2], -1).mean(axis=-1, keep_dims=True)
