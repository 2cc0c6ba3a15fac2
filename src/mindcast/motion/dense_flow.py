"""Dense inverse search (DIS) optical flow (Kroeger et al. 2016) of pairs of frames, as one field.

The flows of all pairs are averaged with rain as weight, the latest pair counting most, and smoothed
together with their weights (normalised convolution), which carries the motion of rain to where
there is none. Rain that does not come back when the later frame is matched with the earlier one,
such as what grew, died or left the frame, counts little. The constants were chosen on training and
validation sequences of real radar, not on test ones.
"""

from __future__ import annotations

import numpy as np

from mindcast.motion.extrapolation import at, grid
from mindcast.motion.opencv import opencv

# standard deviation of the smoothing, as a share of the frame's shorter side (8 of 128 pixels):
# a frame brought to another size keeps its motion, and pixels have no size known here
SMOOTHING = 1 / 16
REACH = 4.0  # standard deviations
EARLIER = 0.5  # weight of a pair beside that of the pair after it
MATCHED = 0.5  # pixels that a way there and back may miss: at twice that, the weight is a fifth
# weight of the mean motion, as a share of the mean weight: it fills what no rain is near to
FILL = 1e-3


def dense_flow(frames: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """The field (H, W, 2), float32, pixels per frame, of the pairs that are usable (T - 1,).

    frames: (T, H, W) in [0, 1], NaN where missing; T is at least 2.
    """
    codes = [eight_bits(frame) for frame in frames]
    sigma = SMOOTHING * min(frames.shape[1:])
    momentum = np.zeros((*frames.shape[1:], 2), np.float32)
    weights = np.zeros(frames.shape[1:], np.float32)
    for k in np.flatnonzero(usable):
        flow = _flow(codes[k], codes[k + 1])
        # the flow moves the rain of the earlier frame, unless the later one is unknown there
        rain = np.where(np.isfinite(frames[k] + frames[k + 1]), frames[k], 0)
        matched = _matched(flow, _flow(codes[k + 1], codes[k]))
        latest = np.float32(EARLIER ** (len(usable) - 1 - k))
        weight = _smoothed(rain, 1.0) * matched * latest
        momentum += flow * weight[..., np.newaxis]
        weights += weight
    total = weights.sum(dtype=np.float64)
    mean = momentum.sum(axis=(0, 1), dtype=np.float64) / total
    fill = FILL * total / weights.size
    field = _smoothed(momentum, sigma) + fill * mean
    return np.asarray(field / (_smoothed(weights, sigma) + fill)[..., np.newaxis], np.float32)


def eight_bits(frame: np.ndarray) -> np.ndarray:
    """[0, 1] as 0..255, the whole scale of the data in steps of 1 / 255; missing is 0.

    ValueError for values outside [0, 1].
    """
    filled = np.nan_to_num(frame, nan=0.0)
    if filled.min() < 0 or filled.max() > 1:
        raise ValueError(f"got values {filled.min():g}..{filled.max():g}, expected 0..1")
    return np.rint(filled * 255).astype(np.uint8)


def _flow(earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
    cv2 = opencv()
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return np.asarray(search.calc(earlier, later, None), np.float32)


def _matched(there: np.ndarray, back: np.ndarray) -> np.ndarray:
    """1 where the way back (H, W, 2) from where a flow leads undoes it, towards 0 where not."""
    here = grid(*there.shape[:2])
    miss = np.square(there + at(back, here + there)).sum(axis=-1)
    return np.asarray(1 / (1 + miss / MATCHED**2), np.float32)


def _smoothed(field: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian smoothing of (H, W) or (H, W, C), the edge values going on outside."""
    cv2 = opencv()
    side = 2 * int(np.ceil(REACH * sigma)) + 1
    blurred = cv2.GaussianBlur(
        field, (side, side), sigmaX=sigma, sigmaY=sigma, borderType=cv2.BORDER_REPLICATE
    )
    return np.asarray(blurred, np.float32)
