"""The random numbers of one training batch, drawn outside the graph."""

from __future__ import annotations

import numpy as np

from mindcast.models.prediff.settings import PreDiffSettings
from mindcast.samples import Named


def for_autoencoder(settings: PreDiffSettings, rng: np.random.Generator, batch_size: int) -> Named:
    """posterior_noise (N, c, h, w) for a batch of single frames."""
    return {"posterior_noise": _normal(rng, (batch_size, *settings.latent_chw))}


def for_latents(settings: PreDiffSettings, rng: np.random.Generator, batch_size: int) -> Named:
    """t (N,), noise (N, T, h, w, c), posterior_noise (N*T, c, h, w) for T target frames."""
    steps, frames = settings.diffusion.timesteps, settings.target_frames
    return {
        "t": rng.integers(0, steps, batch_size, dtype=np.int32),
        "noise": _normal(rng, (batch_size, *settings.latent_shape(frames))),
        "posterior_noise": _normal(rng, (batch_size * frames, *settings.latent_chw)),
    }


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32)
