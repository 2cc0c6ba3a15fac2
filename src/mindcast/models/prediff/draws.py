"""The random numbers of one training batch, drawn outside the graph."""

from __future__ import annotations

import numpy as np

from mindcast.models.prediff.settings import PreDiffSettings


def for_autoencoder(
    settings: PreDiffSettings, rng: np.random.Generator, batch_size: int
) -> tuple[np.ndarray, ...]:
    """(posterior noise (N, c, h, w),) for a batch of single frames."""
    return (_normal(rng, (batch_size, *settings.latent_chw)),)


def for_latents(
    settings: PreDiffSettings, rng: np.random.Generator, batch_size: int
) -> tuple[np.ndarray, ...]:
    """(t (N,), noise (N, T, h, w, c), posterior noise (N*T, c, h, w)) for target frames T."""
    steps, frames = settings.diffusion.timesteps, settings.target_frames
    return (
        rng.integers(0, steps, batch_size, dtype=np.int32),
        _normal(rng, (batch_size, *settings.latent_shape(frames))),
        _normal(rng, (batch_size * frames, *settings.latent_chw)),
    )


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32)
