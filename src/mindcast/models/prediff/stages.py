"""The three training stages of PreDiff: which network, which losses, what to look at."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from mindspore import Tensor, nn

from mindcast.config.schema import Sampling
from mindcast.models.base import Encoding, Objective, Preview
from mindcast.models.prediff.alignment import AlignmentNetwork
from mindcast.models.prediff.denoising_loss import AlignmentLoss, DenoisingLoss, MovedDenoisingLoss
from mindcast.models.prediff.discriminator import PatchDiscriminator
from mindcast.models.prediff.earthformer_unet import EarthformerUNet
from mindcast.models.prediff.forecaster import PreDiffForecaster
from mindcast.models.prediff.latents import FrameMoments
from mindcast.models.prediff.settings import PreDiffSettings
from mindcast.models.prediff.vae import Autoencoder
from mindcast.models.prediff.vae_loss import DiscriminatorLoss, GeneratorLoss, ReconstructionLoss
from mindcast.samples import NowcastSample

PREVIEW_STEPS = 5


def build_autoencoder(settings: PreDiffSettings) -> nn.Cell:
    """The frame autoencoder (Rombach et al. 2022)."""
    return Autoencoder(settings.autoencoder)


def build_denoiser(settings: PreDiffSettings) -> nn.Cell:
    """The Earthformer-UNet between the latent shapes of context and target (Gao et al. 2023)."""
    return EarthformerUNet(
        settings.denoiser,
        settings.latent_shape(settings.context_frames),
        settings.latent_shape(settings.target_frames),
        settings.guide_channels,
    )


def build_alignment(settings: PreDiffSettings) -> nn.Cell:
    """The network that reads the mean intensity out of a noisy latent (Gao et al. 2023)."""
    frames = settings.target_frames if settings.alignment.read_out_per_frame else None
    return AlignmentNetwork(
        settings.alignment, settings.latent_shape(settings.target_frames), frames
    )


def autoencoder_objectives(
    settings: PreDiffSettings, network: nn.Cell, frozen: Mapping[str, nn.Cell]
) -> tuple[Objective, ...]:
    """Reconstruction and KL, from `adversary.start` on a discriminator (Esser et al. 2021)."""
    adversary = settings.adversary
    reconstruction = ReconstructionLoss(network, adversary)
    weights = network.trainable_params()
    if adversary.weight == 0 or adversary.factor == 0:
        return (Objective("autoencoder", weights, ((0, reconstruction),)),)
    discriminator = PatchDiscriminator(1, adversary.channels, adversary.layers)
    generator = GeneratorLoss(network, discriminator, adversary)
    judge = DiscriminatorLoss(network, discriminator, adversary)
    return (
        Objective("autoencoder", weights, ((0, reconstruction), (adversary.start, generator))),
        Objective("discriminator", discriminator.trainable_params(), ((adversary.start, judge),)),
    )


def denoiser_objectives(
    settings: PreDiffSettings, network: nn.Cell, frozen: Mapping[str, nn.Cell]
) -> tuple[Objective, ...]:
    """Denoising in the latent space of the frozen autoencoder (Gao et al. 2023)."""
    loss: nn.Cell = DenoisingLoss(network, frozen["vae"], settings.diffusion)
    if settings.motion is not None:
        loss = MovedDenoisingLoss(loss, settings.motion.difference)
    return (Objective("denoiser", loss.trainable_params(), ((0, loss),)),)


def alignment_objectives(
    settings: PreDiffSettings, network: nn.Cell, frozen: Mapping[str, nn.Cell]
) -> tuple[Objective, ...]:
    """Mean intensity from the noisy latent of the target frames (Gao et al. 2023)."""
    loss = AlignmentLoss(network, frozen["vae"], settings.diffusion)
    return (Objective("alignment", loss.trainable_params(), ((0, loss),)),)


def truth_encoding(settings: PreDiffSettings, frozen: Mapping[str, nn.Cell]) -> Encoding:
    """The posterior moments of the frames to be forecast."""
    return Encoding(FrameMoments(frozen["vae"]), {"truth": "truth_moments"})


def sequence_encoding(settings: PreDiffSettings, frozen: Mapping[str, nn.Cell]) -> Encoding:
    """The posterior moments of context and truth; extrapolated frames are new at every visit."""
    names = {"context": "context_moments", "truth": "truth_moments"}
    return Encoding(FrameMoments(frozen["vae"]), names)


def preview_reconstruction(
    settings: PreDiffSettings,
    network: nn.Cell,
    frozen: Mapping[str, nn.Cell],
    sample: NowcastSample,
) -> Preview:
    """A frame and its reconstruction."""
    frames = sample.input.context.reshape(-1, 1, *settings.frame_size)
    network.set_train(False)
    mean, _ = network.encode(Tensor(frames))
    decoded = network.decode(mean).asnumpy()
    rows = [("frame", frames[:, 0]), ("reconstruction", np.clip(decoded[:, 0], 0, 1))]
    return Preview(rows, "radar")


def preview_forecast(
    settings: PreDiffSettings,
    network: nn.Cell,
    frozen: Mapping[str, nn.Cell],
    sample: NowcastSample,
) -> Preview:
    """Context, truth and one forecast in a few steps."""
    steps = min(PREVIEW_STEPS, settings.diffusion.timesteps)
    sampling = Sampling(sampler="ddim", steps=steps)
    networks = {"vae": frozen["vae"], "diffusion": network}
    forecaster = PreDiffForecaster(settings, networks, sampling, seed=0, compiled=False)
    (forecast,) = forecaster.forecast("prediff", sample.input, keys=[0], members=1)
    known = (("context", sample.input.context[0]), ("truth", sample.known_truth[0]))
    rows = [(title, frames[..., 0]) for title, frames in (*known, ("forecast", forecast[0]))]
    return Preview(rows, "radar")
