"""Lucas-Kanade tracking of features, interpolated to a field: pysteps, as it is set there."""

from __future__ import annotations

import numpy as np

from mindcast.motion.opencv import opencv
from mindcast.motion.pysteps import pysteps, quiet

CODES = 255  # pysteps' defaults of noise and contrast are for values of this size


def lucas_kanade(frames: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """The field (H, W, 2), float32, pixels per frame, of the latest pairs in a row that are usable.

    frames: (T, H, W) in [0, 1], NaN where missing. usable: (T - 1,). Zero where nothing was found.
    """
    opencv()  # one thread
    last = int(np.flatnonzero(usable)[-1])
    broken = np.flatnonzero(~usable[:last])
    first = int(broken[-1]) + 1 if len(broken) else 0
    track = pysteps("motion.lucaskanade").dense_lucaskanade
    with quiet():
        field = track(frames[first : last + 2].astype(np.float64) * CODES)
    return np.ascontiguousarray(np.moveaxis(field, 0, -1), np.float32)
