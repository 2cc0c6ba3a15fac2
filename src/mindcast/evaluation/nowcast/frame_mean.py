"""The averaging order of the DiffCast reference, beside the pooled counts of `categorical`.

Its published numbers (Yu et al. 2024, released code) differ from pooled scores in three ways:

    whole codes    fields are clipped to the scale and floored before they meet a threshold
    frame means    counts are added over the samples of each lead time; a score of that frame
                   with denominator 0 is 0; then the mean over lead times, then over thresholds
    padded pools   blocks of pixels are cut out of a field with zeros added at the bottom and
                   right, a whole band where it divides already; counts of all frames together,
                   and an undefined ratio is NaN and makes the mean NaN

A dry frame thus lowers a frame mean, whatever was forecast. Zeros can only add correct negatives
to blocks, or complete those at the edge, which `categorical.max_pool` drops.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mindcast.cases import ROUNDING
from mindcast.evaluation.nowcast.base import LeadEntry
from mindcast.evaluation.nowcast.categorical import CategoricalScores, csi, far, hss, max_pool, pod

SCORES = (csi, far, pod, hss)


def whole_codes(field: np.ndarray, value_scale: float) -> np.ndarray:
    """Scaled values as whole physical values, rounded down, at most `value_scale`; NaN stays.

    A value that only rounding in float32 keeps below a whole number is that number.
    """
    physical = np.clip(field, 0, 1) * np.float32(value_scale)
    return np.floor(physical * np.float32(1 + ROUNDING))


class FrameMeanScores:
    """CSI, FAR, POD and HSS as means over frames: "csi_frame_mean" and so on."""

    def __init__(self, frames: int, thresholds: Sequence[float], value_scale: float) -> None:
        self.value_scale = value_scale
        self.pooled = CategoricalScores(frames, thresholds, eps=0)

    def update(self, forecast: np.ndarray, truth: np.ndarray) -> None:
        """Add forecasts and their truth (N, T, H, W, C)."""
        self.pooled.update(*(whole_codes(f, self.value_scale) for f in (forecast, truth)))

    def result(self) -> list[LeadEntry]:
        """Per threshold and as mean over thresholds; "overall" is the mean of "per_lead"."""
        counts = self.pooled.counts
        counted = sum(vars(counts).values()) > 0
        entries = []
        for score in SCORES:
            values = score(counts, 0)
            values[np.isnan(values) & counted] = 0
            name = f"{score.__name__}_frame_mean"
            entries += _entries(name, values.mean(axis=1), values, self.pooled)
        return entries


class PaddedPoolScores:
    """CSI of maxima over padded blocks of `pool` x `pool` pixels, "csi_padded"."""

    def __init__(
        self, frames: int, thresholds: Sequence[float], value_scale: float, pool: int
    ) -> None:
        self.value_scale, self.pool = value_scale, pool
        self.pooled = CategoricalScores(frames, thresholds, eps=0)

    def update(self, forecast: np.ndarray, truth: np.ndarray) -> None:
        """Add forecasts and their truth (N, T, H, W, C)."""
        fields = (whole_codes(field, self.value_scale) for field in (forecast, truth))
        self.pooled.update(*(padded_max_pool(field, self.pool) for field in fields))

    def result(self) -> list[LeadEntry]:
        """Per threshold and as mean over thresholds."""
        counts = self.pooled.counts
        overall = csi(counts.over_leads(), 0)
        return _entries("csi_padded", overall, csi(counts, 0), self.pooled, self.pool)


def padded_max_pool(field: np.ndarray, pool: int) -> np.ndarray:
    """Block maxima of (N, T, H, W, C) with `pool` - size % `pool` zeros below and at the right."""
    height, width = field.shape[2:4]
    below, right = pool - height % pool, pool - width % pool
    return max_pool(np.pad(field, [(0, 0), (0, 0), (0, below), (0, right), (0, 0)]), pool)


def _entries(
    name: str,
    overall: np.ndarray,
    per_lead: np.ndarray,
    pooled: CategoricalScores,
    pool: int | None = None,
) -> list[LeadEntry]:
    entries = [
        LeadEntry(name, overall[k].item(), tuple(per_lead[k].tolist()), threshold, pool)
        for k, threshold in enumerate(pooled.thresholds)
    ]
    means = tuple(per_lead.mean(axis=0).tolist())
    return [*entries, LeadEntry(name, float(overall.mean()), means, None, pool)]
