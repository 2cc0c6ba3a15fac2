"""One number of the report, and the running mean that most scores are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mindcast.evaluation.base import ratio
from mindcast.evaluation.downscale.target import Target

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


class FieldScore(Protocol):
    """Takes fields (N, Z, H, W) float64 batch by batch; memory does not grow with the batches.

    A NaN makes the score NaN unless the target gives its point the weight 0.
    """

    def update(self, field: np.ndarray, target: Target) -> None:
        """Add a batch."""
        ...

    def result(self) -> list[LevelEntry]:
        """The scores of everything added so far; NaN before the first batch."""
        ...


class LevelMean:
    """Weighted mean per level of a quantity of points, over all batches, in float64."""

    def __init__(self, levels: int) -> None:
        self.total = np.zeros(levels)
        self.weight = np.zeros(levels)

    def add(self, values: np.ndarray, weight: np.ndarray) -> None:
        """Add (N, Z, ...) values with their weights (same shape)."""
        axes = (0, *range(2, values.ndim))
        self.total += np.where(weight > 0, values * weight, 0).sum(axis=axes)
        self.weight += weight.sum(axis=axes)

    @property
    def per_level(self) -> np.ndarray:
        return ratio(self.total, self.weight)

    @property
    def overall(self) -> float:
        """Mean over the levels: each counts alike, however much of it lies below ground."""
        return mean_of_defined(self.per_level, self.weight > 0)

    @property
    def pooled(self) -> float:
        """Mean over all points of all levels."""
        return float(ratio(self.total.sum(), self.weight.sum()))


def mean_of_defined(values: np.ndarray, defined: np.ndarray) -> float:
    """Plain mean of the values that are defined; NaN if none is."""
    return float(values[defined].mean()) if defined.any() else float("nan")


def mean_entry(score: str, unit: str, mean: LevelMean, axis: str = LEVEL) -> LevelEntry:
    """A mean over points, as it is; over all levels: their plain mean."""
    return LevelEntry(score, unit, mean.overall, tuple(mean.per_level.tolist()), axis)


def share_entry(score: str, unit: str, mean: LevelMean, axis: str = LEVEL) -> LevelEntry:
    """The same, but over all levels the mean over all their points."""
    return LevelEntry(score, unit, mean.pooled, tuple(mean.per_level.tolist()), axis)


def root_entry(score: str, unit: str, mean: LevelMean, axis: str = LEVEL) -> LevelEntry:
    """The root of a mean of squares; over all levels: of the mean over levels, root last."""
    values = np.sqrt(mean.per_level)
    return LevelEntry(score, unit, float(np.sqrt(mean.overall)), tuple(values.tolist()), axis)
