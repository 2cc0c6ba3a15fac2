"""Downscaling that costs nothing, for every report to beat; levels are not interpolated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from src.physics.resample import bicubic, bilinear

BICUBIC, BILINEAR = "bicubic", "bilinear"
# a name in the report -> (..., h, w), factor -> (..., h factor, w factor)
BASELINES: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    BICUBIC: bicubic,
    BILINEAR: bilinear,
}


def interpolated(method: str, temperature_lr: np.ndarray, factor: int) -> np.ndarray:
    """(N, Z, h, w, 1) in K by a method of BASELINES: (N, Z, h factor, w factor, 1) float64."""
    return BASELINES[method](temperature_lr[..., 0].astype(np.float64), factor)[..., None]
