"""Augmentation of radar sequences: one draw turns and mirrors all frames of a sequence alike."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from mindcast.refusal import Refusal

NONE, ANY_ANGLE, QUARTER_TURNS = 0, 1, 2
MIRRORED_FIELDS = 3  # for samples of other tasks, see `mindcast.data.temperature.mirror`
ROWS, COLUMNS = 1, 2  # axes of (T, H, W, C)


def check_augmentation(mode: int, frame_shape: tuple[int, int]) -> None:
    """Refusal if the mode is unknown or cannot keep the shape of the frames."""
    if mode not in (NONE, ANY_ANGLE, QUARTER_TURNS):
        raise Refusal(
            f"augmentation = {mode}, expected 0 (none), 1 (any angle) or 2 (quarter turns)"
        )
    height, width = frame_shape
    if mode == QUARTER_TURNS and height != width:
        raise Refusal(
            f"data.frame_size = {height} x {width}: quarter turns need square frames; "
            "turn augmentation off or use square frames"
        )


def augment(sequence: np.ndarray, mode: int, rng: np.random.Generator) -> np.ndarray:
    """A (T, H, W, C) sequence mirrored left-right and up-down (p 1/2 each), then turned.

    mode 0: as it is. mode 1: turned by any angle, nearest pixel, 0 where nothing was.
    mode 2: turned by 0, 90, 180 or 270 degrees, which needs H = W.
    """
    check_augmentation(mode, (sequence.shape[ROWS], sequence.shape[COLUMNS]))
    if mode == NONE:
        return sequence
    mirrored = [axis for axis in (COLUMNS, ROWS) if rng.random() < 0.5]
    sequence = np.flip(sequence, mirrored)
    if mode == QUARTER_TURNS:
        turned = np.rot90(sequence, rng.integers(4), axes=(ROWS, COLUMNS))
    else:
        angle = rng.uniform(-180.0, 180.0)
        turned = ndimage.rotate(sequence, angle, axes=(COLUMNS, ROWS), reshape=False, order=0)
    return np.ascontiguousarray(turned)
