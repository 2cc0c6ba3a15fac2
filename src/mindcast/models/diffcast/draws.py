"""The random numbers of one training batch, drawn outside the graph."""

from __future__ import annotations

import numpy as np

from mindcast.models.diffcast.settings import DiffCastSettings
from mindcast.samples import Named


def for_segments(settings: DiffCastSettings, rng: np.random.Generator, batch_size: int) -> Named:
    """t (N, segments) and noise (N, T, H, W, 1) for T target frames.

    With `DiffusionSettings.conditioning_noise` also conditioning_noise, like the noise.
    """
    diffusion, segments = settings.diffusion, settings.segments
    shape = (batch_size, settings.target_frames, *settings.frame_size, 1)
    levels = 1 if diffusion.shared_time else segments
    t = rng.integers(0, diffusion.timesteps, (batch_size, levels), dtype=np.int32)
    names = ["noise", "conditioning_noise"] if diffusion.conditioning_noise > 0 else ["noise"]
    noises = {name: rng.standard_normal(shape, np.float32) for name in names}
    return {"t": np.repeat(t, segments // levels, axis=1), **noises}
