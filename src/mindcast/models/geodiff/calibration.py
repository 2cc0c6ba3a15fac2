"""Statistics of the training split, measured once before a stage begins.

Differs from the specification's advice in one point: sigma is taken on the samples that the
deterministic network was trained on. Where it overfits, sigma comes out too small; then train it
shorter, or on less than the split.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from mindspore import Tensor, nn

from mindcast.models.geodiff.residual_network import ResidualConditions
from mindcast.models.geodiff.settings import GeoDiffSettings
from mindcast.models.geodiff.statistics import (
    FLAG,
    PRIORS,
    LevelMoments,
    PriorMoments,
    set_values,
)
from mindcast.models.geodiff.upsampling import SHIFT_K

Samples = Iterable[tuple[np.ndarray, ...]]


def calibrate_deterministic(
    settings: GeoDiffSettings, network: nn.Cell, frozen: Mapping[str, nn.Cell], samples: Samples
) -> None:
    """Mean and deviation of the fine temperature and of the coarse priors, for each level."""
    temperatures, priors = LevelMoments(), PriorMoments()
    for arrays in samples:
        temperatures.update(arrays[-1])
        fields = arrays[2].transpose(0, 1, 4, 2, 3)
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
    conditions = ResidualConditions(settings, deterministic, network).set_train(False)
    errors, priors = LevelMoments(), PriorMoments()
    for arrays in samples:
        coarse, wind, coarse_priors, statics, metric = (Tensor(a) for a in arrays[:5])
        primary = deterministic(coarse, coarse_priors, statics)
        raw, flag = conditions.raw_priors(primary, wind, coarse_priors, metric)
        errors.update(arrays[-1][..., 0] - SHIFT_K - primary.asnumpy())
        priors.update(raw.asnumpy(), flag.asnumpy().reshape(-1))
    set_values(network.residual_statistics.sigma, errors.root_mean_square())
    network.residual_statistics.set_priors(priors)
