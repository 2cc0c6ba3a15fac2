"""Motion with an error: what the members of an ensemble differ in before any network.

The error of a member lasts as long as the forecast, so displacements grow with the lead time
(Bowler et al. 2006 let theirs grow likewise): one normal draw for the whole frame and a smooth
field of normal draws, along each axis. Another for the whole frame stays what it is at the start.
"""

from __future__ import annotations

import math

import numpy as np

from mindcast.motion.opencv import opencv
from mindcast.motion.settings import MotionSettings

CELLS = 4.0  # of the coarse grid in one standard deviation of the smoothing


def motion_rng(seed: int, key: int, member: int) -> np.random.Generator:
    """The draws of one member's motion: a function of these numbers alone, apart from its noise."""
    return np.random.default_rng(np.random.SeedSequence([seed, key, member], spawn_key=(1,)))


def perturbed(field: np.ndarray, settings: MotionSettings, rng: np.random.Generator) -> np.ndarray:
    """A motion field (H, W, 2) with the error of one member; pixels per frame, float32."""
    height, width = field.shape[:2]
    error = settings.spread * rng.standard_normal(2)
    if settings.local_spread:
        scale = settings.local_scale * min(height, width)
        error = error + settings.local_spread * smooth_noise((height, width), scale, rng)
    return np.asarray(field + error, np.float32)


def displaced(settings: MotionSettings, rng: np.random.Generator) -> tuple[float, float]:
    """The error of one member in where rain is to begin with, pixels of columns and of rows.

    Draws nothing where there is none, so that members without it stay what they were.
    """
    if not settings.start_spread:
        return 0.0, 0.0
    columns, rows = settings.start_spread * rng.standard_normal(2)
    return float(columns), float(rows)


def smooth_noise(frame: tuple[int, int], scale: float, rng: np.random.Generator) -> np.ndarray:
    """(H, W, 2), float32, of variance 1: white noise smoothed by a Gaussian of `scale` pixels.

    Values d pixels apart are correlated by exp(-d^2 / (4 scale^2)); scales below a pixel are one.
    """
    cv2, scale = opencv(), max(scale, 1.0)
    spacing = max(scale / CELLS, 1.0)
    sigma, margin = scale / spacing, math.ceil(3 * scale / spacing)
    coarse = [math.ceil(n / spacing) + 1 + 2 * margin for n in frame]
    noise = rng.standard_normal((*coarse, 2)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), sigmaX=sigma, borderType=cv2.BORDER_REFLECT)
    rows, columns = ((np.arange(n, dtype=np.float32) / np.float32(spacing)) + margin for n in frame)
    points = np.stack(np.meshgrid(columns, rows), axis=-1)
    # the variance of white noise under a Gaussian of standard deviation sigma
    size = 2 * math.sqrt(math.pi) * sigma
    return np.asarray(size * cv2.remap(noise, points, None, cv2.INTER_CUBIC), np.float32)
