"""Made-up rain that moves as it is set to."""

import numpy as np


def moving(velocity, frames=5, side=64, cells=12, seed=0):
    """Frames (T, side, side) in [0, 1] of round cells, all carried by `velocity` (x, y) a frame."""
    rng = np.random.default_rng(seed)
    centres, widths = rng.uniform(0, side, (cells, 2)), rng.uniform(2, 5, cells)
    rows, columns = np.mgrid[:side, :side]
    made = np.zeros((frames, side, side), np.float32)
    for frame in range(frames):
        for (x, y), width in zip(centres, widths, strict=True):
            away = (columns - x - frame * velocity[0]) ** 2 + (rows - y - frame * velocity[1]) ** 2
            made[frame] += 0.7 * np.exp(-away / (2 * width**2))
    made[made < 0.05] = 0
    return np.clip(made, 0, 1)
