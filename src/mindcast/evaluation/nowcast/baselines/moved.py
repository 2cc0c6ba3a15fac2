"""The last frame as it is, and carried along the motion of the context."""

from __future__ import annotations

import numpy as np

from mindcast.evaluation.nowcast.baselines.base import Nowcast, Past
from mindcast.motion.extrapolation import extrapolate
from mindcast.motion.field import motion_field


def persistence(context: np.ndarray, frames: int) -> np.ndarray:
    """The last frame of `context` (..., T, H, W, C), repeated: (..., frames, H, W, C)."""
    return np.repeat(context[..., -1:, :, :, :], frames, axis=-4)


def extrapolation(past: Past) -> Nowcast:
    """Along the dense flow of all context frames; what comes in has the value of the edge."""
    frames = past.context[..., 0]
    motion = motion_field(frames)
    if not motion.moves:
        return Nowcast(persistence(past.context, past.frames), "standing still", motion.still)
    return Nowcast(extrapolate(frames[-1], motion.field, past.frames)[..., np.newaxis])
