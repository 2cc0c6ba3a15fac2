"""The fractions skill score: how large a neighbourhood must be for a forecast to be of use there.

S_f and S_o are the shares of forecast and observed events, value at or above a threshold, in the
n x n pixels around each pixel; outside of the frame are none. With sums over pixels and cases

    fss          1 - sum (S_f - S_o)^2 / (sum S_f^2 + sum S_o^2), 0..1, best 1
    fss_useful   1/2 + f / 2, f the share of observed events: what a scale of use is above

(Roberts and Lean 2008). Of an ensemble S_f is the mean of its members' shares, so that it counts
probabilities (Schwartz et al. 2010); a single forecast is an ensemble of one. NaN where an event
was neither forecast nor observed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mindcast.cases import reached
from mindcast.evaluation.means import ratio
from mindcast.evaluation.nowcast.base import LeadEntry, check_ensemble
from mindcast.motion.opencv import opencv

SCALES = (1, 3, 9, 27, 81)  # pixels on a side
MOST = 64  # frames that OpenCV takes at once, as channels


class FractionsSkill:
    """Both scores, by threshold and scale and as plain mean over thresholds.

    thresholds: physical values; value_scale: of 1. scales: sides n of the neighbourhoods, in
    pixels. A pixel where the truth or a member is NaN is an event of neither of both.
    """

    def __init__(
        self, frames: int, thresholds: Sequence[float], value_scale: float, scales: Sequence[int]
    ) -> None:
        self.thresholds, self.scales = tuple(thresholds), tuple(scales)
        self.value_scale = np.float32(value_scale)
        shape = (len(self.scales), len(self.thresholds), frames)
        self.difference, self.squares = np.zeros(shape), np.zeros(shape)
        self.events, self.pixels = np.zeros(shape[1:], np.int64), np.zeros(frames, np.int64)

    def update(self, ensemble: np.ndarray, truth: np.ndarray) -> None:
        """Add ensembles (N, M, T, H, W, C) and their truth (N, T, H, W, C)."""
        check_ensemble(ensemble, truth, len(self.pixels))
        known = ~(np.isnan(truth) | np.isnan(ensemble).any(axis=1))
        self.pixels += np.count_nonzero(known, axis=(0, 2, 3, 4))
        ensemble, truth = ensemble * self.value_scale, truth * self.value_scale
        for k, threshold in enumerate(self.thresholds):
            members = np.count_nonzero(reached(ensemble, threshold), axis=1)
            forecast = np.where(known, members / ensemble.shape[1], 0)
            observed = known & reached(truth, threshold)
            self.events[k] += np.count_nonzero(observed, axis=(0, 2, 3, 4))
            for pair in zip(forecast, observed, strict=True):
                self._add(k, *map(_frames_last, pair))

    def _add(self, k: int, forecast: np.ndarray, observed: np.ndarray) -> None:
        """Events (H, W, T) of one case by the threshold of number k."""
        for scale, difference, squares in zip(
            self.scales, self.difference, self.squares, strict=True
        ):
            expected, seen = shares(forecast, scale), shares(observed, scale)
            difference[k] += _sum_of_squares(expected - seen)
            squares[k] += _sum_of_squares(expected) + _sum_of_squares(seen)

    def result(self) -> list[LeadEntry]:
        """By scale: every threshold, then their mean; then what is of use, by threshold."""
        per_lead = 1 - ratio(self.difference, self.squares)
        overall = 1 - ratio(self.difference.sum(axis=-1), self.squares.sum(axis=-1))
        entries = []
        for scale, pooled, each in zip(self.scales, overall, per_lead, strict=True):
            entries += [
                LeadEntry("fss", float(pooled[k]), tuple(each[k].tolist()), threshold, None, scale)
                for k, threshold in enumerate(self.thresholds)
            ]
            means = tuple(each.mean(axis=0).tolist())
            entries.append(LeadEntry("fss", float(pooled.mean()), means, None, None, scale))
        useful = 0.5 + ratio(self.events, self.pixels) / 2
        pooled = 0.5 + ratio(self.events.sum(axis=-1), self.pixels.sum()) / 2
        return entries + [
            LeadEntry("fss_useful", float(pooled[k]), tuple(useful[k].tolist()), threshold)
            for k, threshold in enumerate(self.thresholds)
        ]


def shares(fields: np.ndarray, scale: int) -> np.ndarray:
    """Means of (H, W, T) over the `scale` x `scale` pixels around each, zeros outside."""
    if scale == 1:
        return fields
    cv2 = opencv()
    parts = [
        np.ascontiguousarray(fields[..., k : k + MOST]) for k in range(0, fields.shape[2], MOST)
    ]
    means = [cv2.boxFilter(p, -1, (scale, scale), borderType=cv2.BORDER_CONSTANT) for p in parts]
    return np.concatenate([mean.reshape(p.shape) for mean, p in zip(means, parts, strict=True)], -1)


def _frames_last(field: np.ndarray) -> np.ndarray:
    """(T, H, W, 1) as OpenCV filters all frames in one pass: (H, W, T), float64."""
    return np.ascontiguousarray(np.moveaxis(field[..., 0], 0, -1), np.float64)


def _sum_of_squares(fields: np.ndarray) -> np.ndarray:
    """(H, W, T) to (T,)."""
    return np.asarray(np.einsum("hwt,hwt->t", fields, fields))
