"""The training objective of the frame autoencoder, after Esser et al. 2021 (VQGAN), section 3.1.

Reconstruction and KL from the start; from `AdversarySettings.start` on also a patch discriminator,
weighted such that its gradient on the decoder's last layer is comparable to the reconstruction's.
Every loss is a cell (context (N, T, H, W, C), posterior_noise (N T, latent, h, w)) -> (loss,
diagnostics), the context being the frames to be restored; they fold into the batch, sums run over a
frame's pixels and means over frames.
"""

from __future__ import annotations

import math

import mindspore as ms
from mindspore import Tensor, nn, ops

from mindcast.models.prediff.discriminator import PatchDiscriminator
from mindcast.models.prediff.perceptual import load_perceptual_distance
from mindcast.models.prediff.settings import AdversarySettings
from mindcast.models.prediff.vae import Autoencoder, kl_to_standard_normal

NORM_FLOOR = 1e-4
LARGEST_BALANCE = 1e4
TAPS = tuple((a, b) for a in range(3) for b in range(3))


class ReconstructionLoss(nn.Cell):
    """NLL + kl_weight KL, per frame.

    NLL is that of a Laplace-like density with scale exp(log_variance): sum(error / exp(s) + s),
    error = |x - x_hat| + perceptual_weight LPIPS(x, x_hat). The released training never moves
    s = `log_variance` from 0 (its optimiser does not include it).
    """

    diagnostic_names: tuple[str, ...] = ("total", "nll", "kl", "reconstruction")

    def __init__(
        self, autoencoder: Autoencoder, settings: AdversarySettings, log_variance: float = 0.0
    ) -> None:
        super().__init__(auto_prefix=False)
        self.autoencoder = autoencoder
        self.kl_weight = settings.kl_weight
        self.perceptual_weight = settings.perceptual_weight
        self.perceptual = load_perceptual_distance(settings) if settings.perceptual_weight else None
        self.log_variance = log_variance
        self.precision = math.exp(-log_variance)

    def construct(
        self, context: Tensor, posterior_noise: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """-> (total, diagnostics as named in `diagnostic_names`)."""
        frames = frames_of(context)
        restored, mean, logvar = self.autoencoder(frames, posterior_noise)
        return self.evidence(frames, restored, mean, logvar)

    def evidence(
        self, frames: Tensor, restored: Tensor, mean: Tensor, logvar: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The reconstruction loss of frames (N, C, H, W) and its diagnostics."""
        nll, reconstruction = self.nll(restored, frames)
        kl = kl_to_standard_normal(mean, logvar).mean()
        total = nll + self.kl_weight * kl
        return total, (total, nll, kl, reconstruction)

    def nll(self, restored: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Negative log-likelihood per frame and the mean error per pixel."""
        error = ops.abs(frames - restored)
        if self.perceptual is not None:
            distance = self.perceptual(frames, restored).reshape(-1, 1, 1, 1)
            error = error + self.perceptual_weight * distance
        error = error.reshape(error.shape[0], -1)
        mean_error = error.mean(1).mean()
        return error.shape[1] * (mean_error * self.precision + self.log_variance), mean_error


class GeneratorLoss(ReconstructionLoss):
    """The reconstruction loss plus balance * factor * (-mean of the discriminator's logits).

    balance = weight * min(|dNLL/dW| / (|dg/dW| + 1e-4), 1e4) with g the adversarial term and W the
    weight of the decoder's last convolution. Both gradients are one convolution gradient away
    from those with respect to the restored frames, so balance needs no second pass through the
    autoencoder. In evaluation mode the adversarial term is left out, as in the reference.
    Differs: the discriminator gets no gradient from this loss; the reference lets it pile up and
    adds it to that of the discriminator's own loss.
    """

    diagnostic_names = (*ReconstructionLoss.diagnostic_names, "adversarial", "balance")

    def __init__(
        self,
        autoencoder: Autoencoder,
        discriminator: PatchDiscriminator,
        settings: AdversarySettings,
        log_variance: float = 0.0,
    ) -> None:
        super().__init__(autoencoder, settings, log_variance)
        self.discriminator = discriminator
        self.weight = settings.weight
        self.factor = settings.factor
        self.product = ops.BatchMatMul(transpose_b=True)

    def construct(
        self, context: Tensor, posterior_noise: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """-> (total, diagnostics as named in `diagnostic_names`)."""
        frames = frames_of(context)
        mean, logvar = self.autoencoder.encode(frames)
        z = self.autoencoder.sample(mean, logvar, posterior_noise)
        features = self.autoencoder.decoder_features(z)
        restored = self.autoencoder.decoder.conv_out(features)
        total, diagnostics = self.evidence(frames, restored, mean, logvar)
        if not self.training:
            nothing = ops.zeros_like(total)
            return total, (*diagnostics, nothing, nothing)
        fixed = ops.stop_gradient(restored)
        adversarial, push = ms.value_and_grad(self.unrealism, 0)(fixed)
        pull = ms.grad(self.nll, 0, has_aux=True)(fixed, ops.stop_gradient(frames))[0]
        balance = self.balance(features, pull, push)
        adversarial, push = ops.stop_gradient(adversarial), ops.stop_gradient(push)
        # restored - fixed is 0: the sum has the adversarial term's gradient, but no value
        adversarial = adversarial + ((restored - fixed) * push).sum()
        total = total + self.factor * balance * adversarial
        return total, (total, *diagnostics[1:], adversarial, balance)

    def unrealism(self, restored: Tensor) -> Tensor:
        """What the generator lowers to fool the discriminator."""
        return -self.discriminator(restored).mean()

    def balance(self, features: Tensor, pull: Tensor, push: Tensor) -> Tensor:
        """Weight of the adversarial term.

        features: input (N, C, H, W) of the decoder's last convolution; pull, push: gradients of
        NLL and of the adversarial term with respect to its output.
        """
        features = ops.stop_gradient(features)
        pull, push = self.last_layer_norm(features, pull), self.last_layer_norm(features, push)
        ratio = ops.clamp(pull / (push + NORM_FLOOR), 0.0, LARGEST_BALANCE)
        return ops.stop_gradient(self.weight * ratio)

    def last_layer_norm(self, features: Tensor, cotangent: Tensor) -> Tensor:
        """Norm of the gradient of that convolution's weight, for a gradient of its output.

        Entry (o, i, a, b) is the product of feature i with cotangent o shifted by tap (a, b): one
        matrix product of all features with all shifts.
        """
        n, c, h, w = features.shape
        padded = ops.pad(ops.stop_gradient(cotangent), (1, 1, 1, 1))
        shifts = [padded[:, :, tap[0] : tap[0] + h, tap[1] : tap[1] + w] for tap in TAPS]
        shifts = ops.cat(shifts, 1).reshape(n, -1, h * w)
        gradient = self.product(features.reshape(n, c, h * w), shifts).sum(0)
        return ops.sqrt((gradient * gradient).sum())


class DiscriminatorLoss(nn.Cell):
    """factor times the hinge (or "vanilla", logistic) loss of real against restored frames."""

    diagnostic_names: tuple[str, ...] = ("discriminator", "logits_real", "logits_restored")

    def __init__(
        self,
        autoencoder: Autoencoder,
        discriminator: PatchDiscriminator,
        settings: AdversarySettings,
    ) -> None:
        super().__init__(auto_prefix=False)
        self.autoencoder = autoencoder
        self.discriminator = discriminator
        self.factor = settings.factor
        self.hinge = settings.loss == "hinge"

    def construct(
        self, context: Tensor, posterior_noise: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """-> (loss, diagnostics as named in `diagnostic_names`)."""
        frames = frames_of(context)
        restored = ops.stop_gradient(self.autoencoder(frames, posterior_noise)[0])
        real = self.discriminator(frames)
        fake = self.discriminator(restored)
        separate = hinge_loss if self.hinge else vanilla_loss
        loss = self.factor * separate(real, fake)
        return loss, (loss, real.mean(), fake.mean())


def hinge_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Zero once real logits exceed 1 and those of restored frames are below -1."""
    return 0.5 * (ops.relu(1.0 - real).mean() + ops.relu(1.0 + fake).mean())


def vanilla_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Cross-entropy of telling real from restored."""
    return 0.5 * (ops.softplus(-real).mean() + ops.softplus(fake).mean())


def frames_of(sequence: Tensor) -> Tensor:
    """(N, T, H, W, C) -> (N T, C, H, W)."""
    n, t, h, w, c = sequence.shape
    return sequence.reshape(n * t, h, w, c).transpose(0, 3, 1, 2)
