"""The training stages of GeoDiff: which network, which losses, what to look at."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from mindspore import nn

from mindcast.config.schema import Sampling
from mindcast.models.base import Objective, Preview
from mindcast.models.geodiff import calibration
from mindcast.models.geodiff.deterministic import DeterministicNetwork
from mindcast.models.geodiff.forecaster import DETERMINISTIC, SAMPLED, GeoDiffForecaster
from mindcast.models.geodiff.joint import JointNetwork
from mindcast.models.geodiff.residual_network import ResidualNetwork
from mindcast.models.geodiff.settings import GeoDiffSettings
from mindcast.models.geodiff.training_losses import (
    DeterministicLoss,
    JointLoss,
    ResidualDiffusionLoss,
)
from mindcast.physics.resample import bicubic
from mindcast.samples import DownscaleSample

PREVIEW_STEPS = 5
JOINT_RATE = 0.1  # of the deterministic network, relative to the denoiser's

calibrate_deterministic = calibration.calibrate_deterministic
calibrate_residual = calibration.calibrate_residual


def build_deterministic(settings: GeoDiffSettings) -> nn.Cell:
    """D, with the statistics of the data."""
    return DeterministicNetwork(settings)


def build_denoiser(settings: GeoDiffSettings) -> nn.Cell:
    """E, with the statistics of the residual."""
    return ResidualNetwork(settings)


def build_joint(settings: GeoDiffSettings) -> nn.Cell:
    """D and E together."""
    return JointNetwork(settings)


def deterministic_objectives(
    settings: GeoDiffSettings, network: nn.Cell, frozen: Mapping[str, nn.Cell]
) -> tuple[Objective, ...]:
    """Data and physics terms of T_det."""
    loss = DeterministicLoss(network, settings)
    parameters = network.trainable_params()
    return (Objective("deterministic", parameters, ((0, loss),), mean_squares=loss.mean_squares),)


def denoiser_objectives(
    settings: GeoDiffSettings, network: nn.Cell, frozen: Mapping[str, nn.Cell]
) -> tuple[Objective, ...]:
    """Denoising of the residual that the frozen deterministic network leaves."""
    loss = ResidualDiffusionLoss(network, frozen["deterministic"], settings)
    return (Objective("denoiser", network.trainable_params(), ((0, loss),)),)


def joint_objectives(
    settings: GeoDiffSettings, network: nn.Cell, frozen: Mapping[str, nn.Cell]
) -> tuple[Objective, ...]:
    """Fine-tuning of both from where they are on the sum of the losses, D at a tenth of the rate.

    The statistics, sigma among them, stay as they were measured before.
    """
    network.start_from(frozen)
    deterministic, denoiser = network.deterministic, network.diffusion
    loss = JointLoss(denoiser, deterministic, settings)
    fast, slow = denoiser.trainable_params(), deterministic.trainable_params()
    rates = [1.0] * len(fast) + [JOINT_RATE] * len(slow)
    return (Objective("joint", [*fast, *slow], ((0, loss),), rates, loss.mean_squares),)


def preview_deterministic(
    settings: GeoDiffSettings,
    network: nn.Cell,
    frozen: Mapping[str, nn.Cell],
    sample: DownscaleSample,
) -> Preview:
    """The levels of truth, bicubic interpolation and T_det."""
    return _preview(settings, {"deterministic": network}, (DETERMINISTIC,), sample)


def preview_forecast(
    settings: GeoDiffSettings,
    network: nn.Cell,
    frozen: Mapping[str, nn.Cell],
    sample: DownscaleSample,
) -> Preview:
    """The same with one member, drawn in a few steps."""
    networks = {"deterministic": frozen["deterministic"], "diffusion": network}
    return _preview(settings, networks, (DETERMINISTIC, SAMPLED), sample)


def preview_joint(
    settings: GeoDiffSettings,
    network: nn.Cell,
    frozen: Mapping[str, nn.Cell],
    sample: DownscaleSample,
) -> Preview:
    """As `preview_forecast`."""
    return _preview(settings, {"joint": network}, (DETERMINISTIC, SAMPLED), sample)


def _preview(
    settings: GeoDiffSettings,
    networks: Mapping[str, nn.Cell],
    methods: tuple[str, ...],
    sample: DownscaleSample,
) -> Preview:
    """Each level is one frame, scaled by the truth's range on it."""
    steps = min(PREVIEW_STEPS, settings.diffusion.timesteps)
    sampling = Sampling(sampler="ddim", steps=steps)
    forecaster = GeoDiffForecaster(settings, networks, sampling, seed=0, compiled=False)
    truth = sample.known_truth[0, ..., 0]
    coarse = sample.input.temperature_lr[0, ..., 0]
    interpolated = bicubic(coarse, settings.factor, (truth.shape[1], truth.shape[2]))
    fields = {"truth": truth, "bicubic": interpolated}
    for method in methods:
        fields[method] = forecaster.forecast(method, sample.input, [0], 1)[0, 0, ..., 0]
    low = truth.min(axis=(1, 2), keepdims=True)
    span = np.maximum(truth.max(axis=(1, 2), keepdims=True) - low, 1e-6)
    rows = [(title, np.clip((f - low) / span, 0, 1)) for title, f in fields.items()]
    return Preview(rows, "temperature")
