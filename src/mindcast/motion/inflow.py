"""What comes in from outside the frame, which nobody knows.

    edge   the value of the nearest edge, drawn out inwards
    zero   nothing
    drawn  what lies behind the edge goes on outside: members draw how deep behind the edge their
           copy lies and how far along it, so that they differ, and keep their texture, where
           nothing is known; the best estimate is that of "edge"

The constants of "drawn" were chosen on training and validation sequences of real radar, not on test
ones.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from mindcast.motion.opencv import opencv

EDGE, ZERO, DRAWN = "edge", "zero", "drawn"

# the values of a frame (H, W) at points (F, H, W, 2), column and row: (F, H, W), float32
Sampled = Callable[[np.ndarray, np.ndarray], np.ndarray]

WAY_ALONG = 1 / 8  # standard deviation of a member's way along the edge, of the shorter side
ALL_THE_WAY = 1 / 16  # distance from the edge at which that way has been gone, of the same


def edge(last: np.ndarray, points: np.ndarray) -> np.ndarray:
    """See `Sampled`; outside the value of the nearest edge."""
    return _remapped(last, points, opencv().BORDER_REPLICATE)


def zero(last: np.ndarray, points: np.ndarray) -> np.ndarray:
    """See `Sampled`; outside 0."""
    return _remapped(last, points, opencv().BORDER_CONSTANT)


def mirrored(
    last: np.ndarray, points: np.ndarray, depth: float, along: tuple[float, float]
) -> np.ndarray:
    """See `Sampled`; outside what lies inside.

    depth: of its place behind the edge, as a share of the point's distance from it; 0 is the edge,
    1 a mirror image. along: its way along an edge, in pixels, of columns and of rows. Beside the
    edge is a copy without that way, which joins on to what is seen; one fades into the other. A way
    that grew with the distance instead would shear the rain to stripes.
    """
    way = _way_outside(points)
    behind = points - (1 + np.float32(depth)) * way
    # beyond the left or right edge (axis 0) the way along it is one of rows, and the reverse
    elsewhere = behind + (way != 0)[..., ::-1] * np.array(along, np.float32)
    border = opencv().BORDER_REFLECT
    joined, other = _remapped(last, behind, border), _remapped(last, elsewhere, border)
    gone = np.hypot(way[..., 0], way[..., 1]) / np.float32(ALL_THE_WAY * min(last.shape))
    faded = joined + (1 - np.cos(np.pi * np.minimum(gone, 1))) / 2 * (other - joined)
    # rounding must not bring it out of the range of both
    limits = np.minimum(joined, other), np.maximum(joined, other)
    return np.clip(faded, *limits, dtype=np.float32)


BEST: dict[str, Sampled] = {EDGE: edge, ZERO: zero, DRAWN: edge}


def of_member(kind: str, frame: tuple[int, int], rng: np.random.Generator) -> Sampled:
    """What one member takes for it; `kind` is a key of BEST."""
    if kind != DRAWN:
        return BEST[kind]
    depth = float(rng.uniform())
    columns, rows = WAY_ALONG * min(frame) * rng.standard_normal(2)
    return partial(mirrored, depth=depth, along=(float(columns), float(rows)))


def _way_outside(points: np.ndarray) -> np.ndarray:
    """From the nearest point of the frame to each of the points, (F, H, W, 2); 0 inside."""
    height, width = points.shape[1:3]
    last = np.array([width - 1, height - 1], np.float32)
    return np.asarray(points - np.clip(points, 0, last))


def _remapped(last: np.ndarray, points: np.ndarray, border: int) -> np.ndarray:
    """Linear interpolation, to 1/32 of a pixel. ValueError for a frame of another shape."""
    if last.shape != points.shape[1:3]:
        raise ValueError(f"got a frame {last.shape}, expected {points.shape[1:3]}")
    cv2, last = opencv(), np.ascontiguousarray(last, np.float32)
    frames = [cv2.remap(last, p, None, cv2.INTER_LINEAR, borderMode=border) for p in points]
    return np.stack(frames)
