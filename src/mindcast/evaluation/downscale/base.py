"""What a score of a downscaling hands back.

A score of fields takes (N, Z, H, W) float64 and their `Target`. A NaN makes it NaN unless the
target gives its point the weight 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mindcast.evaluation.means import RunningMean

LEVEL, LAYER = "level", "layer"  # a layer lies between two adjacent levels


@dataclass(frozen=True)
class LevelEntry:
    """A score over everything and for each level (or layer); NaN where undefined.

    axis: LEVEL (Z values) or LAYER (Z - 1).
    """

    score: str
    unit: str
    overall: float
    values: tuple[float, ...]
    axis: str = LEVEL

    @property
    def name(self) -> str:
        """Unique within a row."""
        return self.score


def mean_entry(score: str, unit: str, mean: RunningMean, axis: str = LEVEL) -> LevelEntry:
    """A mean over points, as it is; over all levels: their plain mean."""
    return LevelEntry(score, unit, mean.mean_of_each, tuple(mean.each.tolist()), axis)


def share_entry(score: str, unit: str, mean: RunningMean, axis: str = LEVEL) -> LevelEntry:
    """The same, but over all levels the mean over all their points."""
    return LevelEntry(score, unit, mean.pooled, tuple(mean.each.tolist()), axis)


def root_entry(score: str, unit: str, mean: RunningMean, axis: str = LEVEL) -> LevelEntry:
    """The root of a mean of squares; over all levels: of the mean over levels, root last."""
    values = np.sqrt(mean.each)
    return LevelEntry(score, unit, float(np.sqrt(mean.mean_of_each)), tuple(values.tolist()), axis)
