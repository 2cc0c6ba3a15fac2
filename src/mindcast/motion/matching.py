"""What a network learned, put together with what motion gives.

A network that has seen little draws members that are too smooth, with drizzle where it is dry.
Their pattern is worth more than their values, so these are put back, rank by rank, to those of the
extrapolated frame, as S-PROG and STEPS do with the last observed frame (Seed 2003; Bowler et al.
2006).
"""

from __future__ import annotations

import numpy as np


def combined(
    learned: np.ndarray, extrapolated: np.ndarray, share: float, match: bool
) -> np.ndarray:
    """Forecasts (..., H, W, 1) in [0, 1], from learned frames, not clipped, and extrapolated ones.

    Both have the same shape. share, match: see `MotionSettings.learned_share` and `match_values`.
    """
    frames = learned
    if share < 1:
        frames = extrapolated + np.float32(share) * (learned - extrapolated)
    if match:
        frames = matched(frames, extrapolated)
    return np.clip(frames, 0, 1).astype(np.float32)


def matched(frames: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Frames (..., H, W, 1) with the values of another of that shape, in their own order.

    Where pixels of a frame are equal, those come first that are first in the frame.
    """
    pixels = frames.shape[-3] * frames.shape[-2]
    rows, ordered = frames.reshape(-1, pixels), np.sort(values.reshape(-1, pixels), axis=-1)
    result = np.empty_like(ordered)
    places = np.argsort(rows, axis=-1, kind="stable")
    np.put_along_axis(result, places, ordered, axis=-1)
    return result.reshape(frames.shape)
