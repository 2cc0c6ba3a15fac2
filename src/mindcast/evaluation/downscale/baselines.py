"""Downscaling that costs nothing, for every report to beat; levels are not interpolated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mindcast.evaluation.downscale.target import Target
from mindcast.physics.resample import bicubic, bilinear, enforce_block_mean

BICUBIC, CONSERVATIVE, BILINEAR = "bicubic", "bicubic-conservative", "bilinear"


def _conservative(target: Target) -> np.ndarray:
    """Bicubic, then every block shifted so that its mean is the coarse value again."""
    smooth = bicubic(target.coarse, target.factor, target.size)
    return enforce_block_mean(smooth, target.coarse, target.factor, target.row_weights)


# a name in the report -> what it makes of the coarse field, (N, Z, H, W) float64
BASELINES: dict[str, Callable[[Target], np.ndarray]] = {
    BICUBIC: lambda target: bicubic(target.coarse, target.factor, target.size),
    CONSERVATIVE: _conservative,
    BILINEAR: lambda target: bilinear(target.coarse, target.factor, target.size),
}


def interpolated(method: str, target: Target) -> np.ndarray:
    """A method of BASELINES, (N, Z, H, W, 1) float64 in K; of the truth nothing is looked at."""
    return BASELINES[method](target)[..., None]
