"""Quantiles of the temperature on each level, from a histogram of fixed size."""

from __future__ import annotations

import numpy as np

from mindcast.evaluation.downscale.base import LevelEntry
from mindcast.evaluation.downscale.target import Target

PERCENTAGES = (0.1, 1.0, 50.0, 99.0, 99.9)
COLDEST, WARMEST, BINS = 150.0, 350.0, 20_000  # K; bins of 0.01 K


class Quantiles:
    """ "quantile_<percentage>" of the field and, with "_truth" behind, of the truth, in K.

    Right to 0.01 K, the width of a bin, within 150..350 K; what lies outside counts at the end of
    that range. Over all levels: the quantile of all their points together.
    """

    def __init__(self, levels: int) -> None:
        self.of_field, self.of_truth = (_Histogram(levels) for _ in range(2))

    def update(self, field: np.ndarray, target: Target) -> None:
        """Add fields (N, Z, H, W)."""
        self.of_field.add(field, target.points)
        self.of_truth.add(target.field, target.points)

    def result(self) -> list[LevelEntry]:
        """Two entries a percentage."""
        return [
            _entry(f"quantile_{percentage:g}{suffix}", histogram, percentage)
            for percentage in PERCENTAGES
            for suffix, histogram in (("", self.of_field), ("_truth", self.of_truth))
        ]


class _Histogram:
    def __init__(self, levels: int) -> None:
        self.counts = np.zeros((levels, BINS))
        self.broken = np.zeros(levels, bool)

    def add(self, field: np.ndarray, weight: np.ndarray) -> None:
        for level, counts in enumerate(self.counts):
            counted = weight[:, level] > 0
            values = field[:, level][counted]
            self.broken[level] |= np.isnan(values).any()
            place = (np.nan_to_num(values) - COLDEST) * (BINS / (WARMEST - COLDEST))
            bins = np.clip(place, 0, BINS - 1).astype(int)
            counts += np.bincount(bins, weight[:, level][counted], minlength=BINS)


def _entry(score: str, histogram: _Histogram, percentage: float) -> LevelEntry:
    values = [
        quantile(counts, percentage) if not broken else float("nan")
        for counts, broken in zip(histogram.counts, histogram.broken, strict=True)
    ]
    broken = histogram.broken.any()
    overall = float("nan") if broken else quantile(histogram.counts.sum(axis=0), percentage)
    return LevelEntry(score, "K", overall, tuple(values))


def quantile(counts: np.ndarray, percentage: float) -> float:
    """The temperature below which `percentage` of the weight lies; even within a bin."""
    upper = np.cumsum(counts)
    if not upper[-1]:
        return float("nan")
    wanted = upper[-1] * percentage / 100
    place = int(np.searchsorted(upper, wanted))
    within = (wanted - (upper[place] - counts[place])) / counts[place]
    return float(COLDEST + (place + within) * (WARMEST - COLDEST) / BINS)
