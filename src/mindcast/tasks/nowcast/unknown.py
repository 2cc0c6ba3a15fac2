"""Pixels of a forecast of which nothing is known: what comes to them was missing.

Networks take missing pixels for 0. Rain that may have been there would be forecast as dry weather
wherever the motion carries it, which is no forecast: such pixels are missing too, as in pysteps'
extrapolation. What comes in from outside the frames is another matter, see `motion.inflow`.
"""

from __future__ import annotations

import numpy as np

from mindcast.motion.extrapolation import extrapolate
from mindcast.motion.field import motion_field

HALF = 0.5  # of what is interpolated


def unknown_pixels(
    context: np.ndarray,
    missing: np.ndarray,
    frames: int,
    field: np.ndarray | None = None,
    method: str = "dis",
) -> np.ndarray:
    """Where each of the `frames` to come is unknown: bool (frames, H, W).

    That is where the last frame is missing, and where the content of a pixel comes from a missing
    one along the motion of the context: `field` (H, W, 2), or as it is found by `method`. Where the
    nearest edge is missing, so is what comes in over it.

    context: (T, H, W), [0, 1], missing ones as the model takes them. missing: bool (T, H, W).
    """
    last = missing[-1]
    if not last.any():
        return np.zeros((frames, *last.shape), bool)
    if field is None:
        field = motion_field(context, method).field
    return np.asarray(last | (extrapolate(last.astype(np.float32), field, frames) >= HALF))
