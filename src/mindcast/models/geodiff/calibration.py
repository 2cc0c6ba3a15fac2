"""Statistics of the training split, measured once before a stage begins.

Differs from the specification's advice in one point: sigma is taken on the samples that the
deterministic network was trained on. Where it overfits, sigma comes out too small; then train it
shorter, or on less than the split.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mindspore import Tensor, nn

from mindcast.models.geodiff.residual_network import ResidualConditioning
from mindcast.models.geodiff.settings import GeoDiffSettings
from mindcast.models.geodiff.statistics import (
    FLAG,
    PRIORS,
    LevelMoments,
    PriorMoments,
    set_values,
)
from mindcast.models.geodiff.upsampling import SHIFT_K
from mindcast.samples import DownscaleSample

Samples = Iterable[DownscaleSample]


def calibrate_deterministic(
    settings: GeoDiffSettings, network: nn.Cell, frozen: Mapping[str, nn.Cell], samples: Samples
) -> None:
    """Mean and deviation of the fine temperature and of the coarse priors, for each level."""
    temperatures, priors = LevelMoments(), PriorMoments()
    for sample in samples:
        temperatures.update(sample.known_truth)
        fields = sample.input.priors_lr.transpose(0, 1, 4, 2, 3)
        priors.update(fields[:, :, :PRIORS], fields[:, 0, FLAG, 0, 0])
    mean, std = temperatures.mean_and_std()
    set_values(network.primary_statistics.mean, mean)
    set_values(network.primary_statistics.std, std)
    network.primary_statistics.set_priors(priors)


def calibrate_residual(
    settings: GeoDiffSettings, network: nn.Cell, frozen: Mapping[str, nn.Cell], samples: Samples
) -> None:
    """sigma, the rms of T - T_det for each level, and the moments of the priors of T_det."""
    deterministic = frozen["deterministic"]
    conditioning = ResidualConditioning(settings, deterministic, network).set_train(False)
    errors, priors = LevelMoments(), PriorMoments()
    for sample in samples:
        known = {name: Tensor(array) for name, array in sample.input.named.items()}
        primary = deterministic(known["temperature_lr"], known["priors_lr"], known["statics"])
        raw, flag = conditioning.raw_priors(
            primary, known["wind_lr"], known["priors_lr"], known["metric"]
        )
        errors.update(sample.known_truth[..., 0] - SHIFT_K - primary.asnumpy())
        priors.update(raw.asnumpy(), flag.asnumpy().reshape(-1))
    set_values(network.residual_statistics.sigma, errors.root_mean_square())
    network.residual_statistics.set_priors(priors)
