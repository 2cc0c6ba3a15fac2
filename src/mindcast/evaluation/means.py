"""The running mean that most scores are made of, and quotients that may be undefined."""

from __future__ import annotations

import numpy as np


class RunningMean:
    """Weighted mean over all batches of a quantity of points, for each index of axis 1, in float64.

    Axis 1 holds lead times or levels; `size` is its length.
    """

    def __init__(self, size: int) -> None:
        self.total = np.zeros(size)
        self.weight = np.zeros(size)

    def add(self, values: np.ndarray, weight: np.ndarray) -> None:
        """Add (N, size, ...) values with their weights (same shape), numbers or true and false.

        A NaN stays visible unless its weight is 0.
        """
        axes = (0, *range(2, values.ndim))
        weighted = values if weight.dtype == bool else values * weight
        self.total += np.where(weight > 0, weighted, 0).sum(axis=axes, dtype=np.float64)
        self.weight += weight.sum(axis=axes, dtype=np.float64)

    @property
    def each(self) -> np.ndarray:
        """(size,): the mean for each index."""
        return ratio(self.total, self.weight)

    @property
    def pooled(self) -> float:
        """Mean over all points, whatever their index."""
        return float(ratio(self.total.sum(), self.weight.sum()))

    @property
    def mean_of_each(self) -> float:
        """Mean of `each`: every index counts alike, however little weight it has."""
        return mean_of_defined(self.each, self.weight > 0)


def mean_of_defined(values: np.ndarray, defined: np.ndarray) -> float:
    """Plain mean of the values that are defined; NaN if none is."""
    return float(values[defined].mean()) if defined.any() else float("nan")


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Quotient, NaN where the denominator is zero: an undefined score must not look like one."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    quotient = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator != 0)
    return quotient
