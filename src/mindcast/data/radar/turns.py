"""Augmentation of radar sequences: one draw mirrors and turns all frames of a sample alike."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from mindcast.samples import NowcastSample

ROWS, COLUMNS = 1, 2  # axes of (T, H, W, C)


def quarter_turns(sample: NowcastSample, rng: np.random.Generator) -> NowcastSample:
    """Mirrored left-right and up-down (p 1/2 each), turned by 0, 90, 180 or 270 degrees; H = W."""
    mirrored, turns = _mirrored_axes(rng), int(rng.integers(4))

    def turned(frames: np.ndarray) -> np.ndarray:
        frames = np.rot90(np.flip(frames, mirrored), turns, axes=(ROWS, COLUMNS))
        return np.ascontiguousarray(frames)

    return sample.mapped(turned)


def any_angle(sample: NowcastSample, rng: np.random.Generator) -> NowcastSample:
    """Mirrored in the same way, then turned by any angle: nearest pixel, 0 where nothing was."""
    mirrored, angle = _mirrored_axes(rng), rng.uniform(-180.0, 180.0)

    def turned(frames: np.ndarray) -> np.ndarray:
        frames = np.flip(frames, mirrored)
        frames = ndimage.rotate(frames, angle, axes=(COLUMNS, ROWS), reshape=False, order=0)
        return np.ascontiguousarray(frames)

    return sample.mapped(turned)


def _mirrored_axes(rng: np.random.Generator) -> list[int]:
    return [axis for axis in (COLUMNS, ROWS) if rng.random() < 0.5]
