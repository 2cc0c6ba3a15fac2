"""Frames carried along a stationary motion field: semi-Lagrangian extrapolation.

Germann and Zawadzki 2002: the value at x after t frames is that of the last frame at the point from
which the flow brings it to x. Trajectories are followed backwards, frame by frame, with the motion
at the middle of each step; beyond the frame the motion of its nearest edge goes on.
"""

from __future__ import annotations

import numpy as np

from mindcast.motion.inflow import Sampled, edge
from mindcast.motion.opencv import opencv


def extrapolate(
    last: np.ndarray, field: np.ndarray, frames: int, sampled: Sampled = edge
) -> np.ndarray:
    """The frame `last` (H, W) after 1, 2, ... `frames` frames: (frames, H, W), float32.

    field: (H, W, 2), pixels per frame, see `Motion`. sampled: what comes in from outside, one of
    `motion.inflow`. Interpolation is linear, so that no value lies outside the range of `last` (and
    0, of those that take it); a zero field gives `last` exactly. NaN spreads to what is
    interpolated from it. ValueError for other shapes.
    """
    return sampled(last, origins(field, frames))


def origins(field: np.ndarray, frames: int) -> np.ndarray:
    """Where the content of each pixel comes from: (frames, H, W, 2), column and row, float32.

    Points outside 0..W - 1 and 0..H - 1 lie beyond the frame: see `inside`.
    """
    if field.ndim != 3 or field.shape[2] != 2:
        raise ValueError(f"got a field {field.shape}, expected (H, W, 2)")
    field = np.ascontiguousarray(field, np.float32)
    point = grid(*field.shape[:2])
    path = np.empty((frames, *field.shape), np.float32)
    for k in range(frames):
        middle = point - at(field, point) / 2
        point = point - at(field, middle)
        path[k] = point
    return path


def inside(points: np.ndarray) -> np.ndarray:
    """Where `origins` (frames, H, W, 2) lie within the frame: bool (frames, H, W)."""
    height, width = points.shape[1:3]
    return np.asarray(((points >= 0) & (points <= (width - 1, height - 1))).all(axis=-1))


def grid(height: int, width: int) -> np.ndarray:
    """The points of a frame (H, W, 2): column and row, float32."""
    points = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
    return points.astype(np.float32)


def at(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Linear interpolation of (H, W) or (H, W, 2) at points (H, W, 2), to 1/32 of a pixel; beyond
    the frame the value of its nearest edge."""
    cv2 = opencv()
    border = cv2.BORDER_REPLICATE
    return np.asarray(cv2.remap(image, points, None, cv2.INTER_LINEAR, borderMode=border))
