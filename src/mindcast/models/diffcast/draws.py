"""The random numbers of one training batch, drawn outside the graph."""

from __future__ import annotations

import numpy as np

from mindcast.models.diffcast.settings import DiffCastSettings


def for_backbone(
    settings: DiffCastSettings, rng: np.random.Generator, batch_size: int
) -> tuple[np.ndarray, ...]:
    """None: the backbones are deterministic."""
    return ()


def for_segments(
    settings: DiffCastSettings, rng: np.random.Generator, batch_size: int
) -> tuple[np.ndarray, ...]:
    """(t (N, segments), noise (N, T, H, W, 1)) for target frames T.

    With `condition_noise` a third array like the noise.
    """
    diffusion, segments = settings.diffusion, settings.segments
    shape = (batch_size, settings.target_frames, *settings.frame_size, 1)
    levels = 1 if diffusion.shared_time else segments
    t = rng.integers(0, diffusion.timesteps, (batch_size, levels), dtype=np.int32)
    arrays = 2 if diffusion.condition_noise > 0 else 1
    noises = [rng.standard_normal(shape, np.float32) for _ in range(arrays)]
    return (np.repeat(t, segments // levels, axis=1), *noises)
