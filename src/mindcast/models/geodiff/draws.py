"""The random numbers of one training batch, drawn outside the graph."""

from __future__ import annotations

import numpy as np

from mindcast.models.geodiff.settings import GeoDiffSettings
from mindcast.samples import Named


def for_residuals(settings: GeoDiffSettings, rng: np.random.Generator, batch_size: int) -> Named:
    """t (N,) int32, noise (N, Z, H, W, 1), kept (N,): 0 where the conditioning is dropped."""
    shape = (batch_size, len(settings.levels_hpa), *settings.frame_size, 1)
    t = rng.integers(0, settings.diffusion.timesteps, batch_size, dtype=np.int32)
    noise = rng.standard_normal(shape, dtype=np.float32)
    kept = rng.random(batch_size) >= settings.diffusion.conditioning_dropout
    return {"t": t, "noise": noise, "kept": kept.astype(np.float32)}
