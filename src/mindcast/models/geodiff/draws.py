"""The random numbers of one training batch, drawn outside the graph."""

from __future__ import annotations

import numpy as np

from mindcast.models.geodiff.settings import GeoDiffSettings


def none(
    settings: GeoDiffSettings, rng: np.random.Generator, batch_size: int
) -> tuple[np.ndarray, ...]:
    """The deterministic stage needs no chance."""
    return ()


def for_residuals(
    settings: GeoDiffSettings, rng: np.random.Generator, batch_size: int
) -> tuple[np.ndarray, ...]:
    """(t (N,) int32, noise (N, Z, H, W, 1), shown (N,): 0 where the condition is hidden)."""
    shape = (batch_size, len(settings.levels_hpa), *settings.frame_size, 1)
    t = rng.integers(0, settings.diffusion.timesteps, batch_size, dtype=np.int32)
    noise = rng.standard_normal(shape, dtype=np.float32)
    shown = rng.random(batch_size) >= settings.diffusion.condition_dropout
    return t, noise, shown.astype(np.float32)
