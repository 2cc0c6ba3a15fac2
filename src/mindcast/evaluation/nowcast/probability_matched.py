"""The probability-matched mean of an ensemble (Ebert 2001): placed as the mean, sharp as a member.

The mean of members smooths: it has too large an area of light rain and too few peaks. Its order of
the pixels, from the driest to the wettest, is better than that of any member. So each lead time of
each case keeps that order and takes its values from all members together: their M x H x W values,
sorted, of every M in a row the middle one (the upper of two middle ones). Whatever the threshold,
the number of pixels that reach it is the mean number of the members, to half a pixel.

Pixels with equal means are ordered by the mean over their neighbourhood, then by their place, row
by row. Where all members are dry it makes no difference: at least as many of the values are 0.
Differs: Ebert keeps every M-th value without naming the first; the highest of each M would add
half a pixel to every threshold, which is as much as rare events have.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter

NEIGHBOURHOOD = 5  # pixels on a side


def probability_matched_mean(ensemble: np.ndarray) -> np.ndarray:
    """Of (N, M, T, H, W, C), (N, T, H, W, C) of the same type; any unit, M from 1 on.

    A pixel that any member lacks (NaN) stays NaN and gives no values to others.
    """
    frames = np.moveaxis(ensemble, (1, 5), (2, 3))  # (N, T, M, C, H, W)
    matched = np.empty((*frames.shape[:2], *frames.shape[3:]), ensemble.dtype)
    for case, lead, channel in np.ndindex(matched.shape[:3]):
        matched[case, lead, channel] = _matched(frames[case, lead, :, channel])
    return np.moveaxis(matched, 2, 4)


def _matched(members: np.ndarray) -> np.ndarray:
    """(M, H, W) to (H, W)."""
    mean = members.mean(axis=0, dtype=np.float64)
    known = ~np.isnan(mean)
    around = uniform_filter(np.where(known, mean, 0), NEIGHBOURHOOD, mode="nearest")
    order = np.lexsort((around[known], mean[known]))  # stable: the rest is by place
    pooled = np.sort(members[:, known], axis=None)
    values = np.empty(len(order), members.dtype)
    values[order] = pooled[len(members) // 2 :: len(members)]
    matched = np.full(mean.shape, np.nan, members.dtype)
    matched[known] = values
    return matched
